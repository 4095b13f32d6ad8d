"""The founding methods of deep directly trained spiking networks, each against its own figure."""
