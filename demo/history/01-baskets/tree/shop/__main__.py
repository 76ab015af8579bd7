"""``python -m shop BASKET``: print a basket's receipt."""

from shop.till import main

raise SystemExit(main())
