"""The edge to MQTT: a connection as a device makes it, through paho-mqtt."""
