"""What SDKs send."""
