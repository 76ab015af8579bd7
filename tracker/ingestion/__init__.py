"""What Sentry's SDKs send: envelopes and single events, checked while they are read and stored in one transaction."""
