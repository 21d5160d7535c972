"""What comes in and what becomes of it: events, failures, replays, queues, their numbers."""
