# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """Options of modules that read or write device keys."""

    DOCUMENTATION = r"""
options:
  key_protection:
    description:
      - How private keys lie on this host's disk. V(none), readable by their owner alone; V(passphrase),
        encrypted with O(key_passphrase); V(kms), encrypted with a data key that only KMS can open.
      - Keys that are not encrypted yet can be read in each case; provisioning encrypts them.
    type: str
    choices: [none, passphrase, kms]
    default: none
  key_passphrase:
    description: A random text of at least 32 characters, from Ansible Vault.
    type: str
  key_kms_key:
    description:
      - ARN, id or alias of the KMS key for V(kms). It wraps the data key, which is kept beside the devices in
        C(.data-key.json).
    type: str
    default: ""
"""
