# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """Options of modules that connect as devices."""

    DOCUMENTATION = r"""
options:
  device_ids:
    description: Devices that may be stood in for. Exclusive with O(count).
    type: list
    elements: str
  start_id:
    description: Number of the first device when O(count) says how many there are.
    type: int
    default: 1
  count:
    description: How many devices, named V(device-001) and so on from O(start_id).
    type: int
  devices_directory:
    description:
      - Directory with C(<thing>/private.key) and C(<thing>/certificate.pem) of each device, as provisioning
        keeps it. Devices that have none here are passed over.
    type: path
    required: true
  interrupt_devices:
    description:
      - Whether devices may be chosen that are connected, or of which nobody knows. A second connection under
        a device's name ends its first.
      - Otherwise fleet indexing has to know who is connected, and only devices that are not are chosen.
    type: bool
    default: false
  index_timeout_seconds:
    description: How long fleet indexing may take to know devices that were just made.
    type: float
    default: 30.0
  mqtt_endpoint:
    description: Host that devices connect to. Empty asks AWS IoT for the account's own.
    type: str
    default: ""
  mqtt_port:
    description: Port that devices connect to.
    type: int
    default: 8883
  ca_file:
    description:
      - PEM file with the authorities that vouch for the endpoint.
      - Without it and O(ca_certificates) it is the system's trust store, which holds Amazon Root CA 1.
    type: path
  ca_certificates:
    description: The authorities themselves, as PEM text. Exclusive with O(ca_file).
    type: str
  timeout_seconds:
    description: How long an answer or a message may take.
    type: float
    default: 10.0
"""
