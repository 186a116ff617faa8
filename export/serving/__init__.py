"""What runs beside TF Serving: its configuration, warm-up requests, and a client for gRPC and REST."""
