"""Where platforms deliver: added step by step, looked after, tried."""
