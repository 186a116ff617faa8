"""From a run folder to artefacts for servers and devices, each proven to paint what Keras paints."""
