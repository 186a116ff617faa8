"""From a run folder to artefacts for servers and devices, each proven to give the pictures that Keras gives."""
