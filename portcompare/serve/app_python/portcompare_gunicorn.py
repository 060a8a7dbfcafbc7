"""gunicorn's settings that older versions have no flag for; gunicorn reads this file itself."""

control_socket_disable = True
