"""Where deliveries come from and who is told: connectors, their health and secrets, webhooks."""
