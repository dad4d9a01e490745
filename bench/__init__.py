"""What the product is held to by measuring it. Nothing here is deployed."""
