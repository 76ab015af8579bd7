"""From the outbox to the consumer: storing, signing, sending, trying again."""
