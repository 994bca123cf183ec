"""Ways into a call: each connector offers a `call.Call`."""
