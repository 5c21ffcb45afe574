# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: iot_things
short_description: The devices of a fleet, from the registry of AWS IoT
version_added: 0.1.0
author: steel.fleet maintainers (@steel-fleet)
description:
  - Reads things in pages and never makes one call for one device.
  - With fleet indexing on it searches the index, which also knows groups, connectivity and shadows.
    Without it, or while the index is being built, it lists things and the members of the fleet's groups.
  - Values that come from devices are data. They are never evaluated as templates.
  - Templates in this file's options see the environment's C(group_vars/all) and the extra variables.
  - The file's name ends with C(iot_things.yml).
notes:
  - What is cached is the answer of AWS, whole. Connectivity and shadows are then as old as the cache.
extends_documentation_fragment:
  - constructed
  - inventory_cache
options:
  plugin:
    description: Marks the file as one for this plugin.
    type: str
    required: true
    choices: [steel.fleet.iot_things]
  connection:
    description: Region, endpoint, profile and keys, with the names that modules of C(amazon.aws) use.
    type: raw
    required: true
  name_prefix:
    description: Only things whose names begin so. It is left out of C(iot_device_id).
    type: str
    required: true
  query:
    description:
      - A fleet indexing query, such as V(connectivity.connected:false AND attributes.firmware_version:1.0.0).
      - It needs fleet indexing.
    type: str
    default: ""
  group:
    description: Inventory group that holds every device.
    type: str
    default: devices
  when_unreachable:
    description: What to do when the endpoint does not answer. V(empty) is for a local cloud before its start.
    type: str
    choices: [fail, empty]
    default: fail
"""

EXAMPLES = r"""
plugin: steel.fleet.iot_things
connection: "{{ fleet_aws_connection }}"
name_prefix: "{{ fleet_name_prefix }}-{{ fleet_environment }}-"
keyed_groups:
  - key: iot_attributes.firmware_version
    prefix: fw
compose:
  free_bytes: iot_shadow_reported.hardware_state.memory_usage.free_bytes
"""

import contextlib
import threading
from collections.abc import Callable, Collection, Iterator
from operator import itemgetter
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.display import Display
from ansible.vars.plugins import get_vars_from_inventory_sources
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import clients, registry
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import inventory as hosts
from ansible_collections.steel.fleet.plugins.plugin_utils import quick_expressions

try:
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectTimeoutError,
        EndpointConnectionError,
        ReadTimeoutError,
    )

    MISSING = None
except ImportError as error:
    BotoCoreError = ClientError = ConnectTimeoutError = EndpointConnectionError = ReadTimeoutError = Exception
    MISSING = error

display = Display()
Construct = Callable[[str, dict[str, Any]], None]
"""``construct(host, variables)`` adds what an option makes of them."""


PROBE_SECONDS, PAGE_SECONDS = 5, 20
"""How long an attempt waits: for the first answer, with two attempts, and for a page, with eight."""
SILENCE_SECONDS = 1.5
"""After so long without an answer, people are told what is waited for."""


class UnreachableError(Exception):
    """The endpoint does not answer."""


@contextlib.contextmanager
def told_when_slow(endpoint: str) -> Iterator[None]:
    """Name the endpoint on the screen when it does not answer soon."""
    text = f"Waiting for {endpoint} to answer, {2 * PROBE_SECONDS} seconds at most before giving up."
    timer = threading.Timer(SILENCE_SECONDS, display.warning, [text])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "steel.fleet.iot_things"

    def verify_file(self, path: str) -> bool:
        return super().verify_file(path) and path.endswith(("iot_things.yml", "iot_things.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        if MISSING is not None:
            raise AnsibleParserError("boto3 and botocore are needed (make setup).", orig_exc=MISSING)
        self._read_config_data(path)
        environment = get_vars_from_inventory_sources(loader, [path], [inventory.groups["all"]], "all")
        self.templar.available_variables = {**environment, **self._vars}
        self._populate(self._things(path, cache))

    def _things(self, path: str, use_cache: bool) -> list[dict[str, Any]]:
        """The devices, from the cache where the operator allows it."""
        caching = self.get_option("cache")
        key = self.get_cache_key(path)
        if caching and use_cache and key in self._cache:
            return list(self._cache[key])
        try:
            things = list(self._read())
        except UnreachableError as error:
            if self.get_option("when_unreachable") == "fail":
                raise AnsibleParserError(str(error)) from error
            display.v(f"{path}: {error} The inventory has no devices.")
            return []
        if caching:
            self._cache[key] = list(things)
        return things

    def _read(self) -> Iterator[dict[str, Any]]:
        connection = self._option("connection")
        try:
            # Whether it answers at all is to be known at once; what follows may be throttled and is repeated.
            probe = clients.client("iot", connection, attempts=2, timeout=PROBE_SECONDS)
            with told_when_slow(probe.meta.endpoint_url):
                indexed = registry.indexing(probe)
            iot = clients.client("iot", connection, timeout=PAGE_SECONDS)
            yield from self._search(iot) if indexed["registry"] != "OFF" else self._list(iot)
        except EndpointConnectionError as error:
            raise UnreachableError(f"{connection.get('endpoint_url') or error} does not answer.") from error
        except (ConnectTimeoutError, ReadTimeoutError) as error:
            raise AnsibleParserError(
                f"{error.kwargs['endpoint_url']} did not answer in time. Look at the network, at a "
                "proxy, and whether what listens there hangs."
            ) from error
        except (BotoCoreError, ClientError) as error:
            raise AnsibleParserError(f"AWS IoT could not be read: {error}") from error

    def _search(self, iot: Any) -> Iterator[dict[str, Any]]:
        prefix = self._option("name_prefix")
        query = self._option("query")
        try:
            for found in registry.search_things(iot, query or f"thingName:{prefix}*"):
                if found["thingName"].startswith(prefix):
                    yield hosts.from_index(found)
        except iot.exceptions.IndexNotReadyException:
            display.v("The index is being built; the registry is listed instead.")
            yield from self._list(iot)
        except iot.exceptions.InvalidQueryException as error:
            raise AnsibleParserError(
                f"query is {query!r}, which AWS IoT does not understand: {error}"
            ) from error

    def _list(self, iot: Any) -> Iterator[dict[str, Any]]:
        if self._option("query"):
            raise AnsibleParserError(
                "query needs fleet indexing, and the index is off or not built yet. "
                "Deploy (role fleet_indexing turns it on), or leave query out."
            )
        prefix = self._option("name_prefix")
        groups: dict[str, list[str]] = {}
        for group in registry.iter_groups(iot, prefix.rstrip("-")):
            for name in registry.iter_things_in_group(iot, group):
                groups.setdefault(name, []).append(group)
        for thing in registry.iter_things(iot):
            if thing["thingName"].startswith(prefix):
                yield hosts.from_registry(thing, groups.get(thing["thingName"], ()))

    def _populate(self, things: list[dict[str, Any]]) -> None:
        group = self.inventory.add_group(self.get_option("group"))
        prefix = self._option("name_prefix")
        make = self._constructors()
        things.sort(key=itemgetter("name"), reverse=True)
        while things:
            thing = things.pop()  # what is a host by now need not be kept twice
            host = self.inventory.add_host(thing["name"], group)
            variables = hosts.host_variables(thing, prefix)
            for name, value in variables.items():
                self.inventory.set_variable(host, name, value)
            for name in hosts.own_groups(thing):
                self.inventory.add_child(self.inventory.add_group(name), host)
            for construct in make:
                construct(host, variables)

    def _constructors(self) -> list[Construct]:
        """What the options construct of each host, in Ansible's order."""
        compose = self.get_option("compose") or {}
        # A composed variable counts for groups; what it is, is Ansible's to say.
        names = hosts.VARIABLES - compose.keys()
        return [
            *(self._composed(name, source) for name, source in compose.items()),
            *(
                self._grouped(name, source, names)
                for name, source in (self.get_option("groups") or {}).items()
            ),
            *(self._keyed(one, names) for one in self.get_option("keyed_groups") or []),
        ]

    def _quick(self, source: Any, names: Collection[str]) -> quick_expressions.Value:
        """The expression compiled once; where that cannot be, Ansible has every host to itself."""
        found = None if self.get_option("use_extra_vars") else quick_expressions.compiled(source, names)
        return found or (lambda variables: quick_expressions.OPEN)

    def _composed(self, name: str, source: Any) -> Construct:
        quick, strict = self._quick(source, hosts.VARIABLES), self.get_option("strict")

        def construct(host: str, variables: dict[str, Any]) -> None:
            value = quick(variables)
            if value is quick_expressions.OPEN:
                self._set_composite_vars({name: source}, variables, host, strict)
            else:
                self.inventory.set_variable(host, name, value)

        return construct

    def _grouped(self, name: str, source: Any, names: Collection[str]) -> Construct:
        quick, strict = self._quick(source, names), self.get_option("strict")
        group = self._sanitize_group_name(name)

        def construct(host: str, variables: dict[str, Any]) -> None:
            value = quick(variables)
            if value is True:
                self.inventory.add_child(self.inventory.add_group(group), host)
            elif value is not False:
                self._add_host_to_composed_groups({name: source}, variables, host, strict)

        return construct

    def _keyed(self, keyed: Any, names: Collection[str]) -> Construct:
        strict = self.get_option("strict")
        simple = (
            isinstance(keyed, dict) and keyed.get("prefix") and keyed.keys() <= {"key", "prefix", "separator"}
        )
        quick = self._quick(keyed["key"] if simple else None, names)
        groups: dict[str, str] = {}

        def construct(host: str, variables: dict[str, Any]) -> None:
            value = quick(variables)
            if not isinstance(value, str) or not value:
                self._add_host_to_keyed_groups([keyed], variables, host, strict)
                return
            if value not in groups:
                name = f"{keyed['prefix']}{keyed.get('separator', '_')}{value}"
                groups[value] = self.inventory.add_group(self._sanitize_group_name(name))
            self.inventory.add_host(host, groups[value])

        return construct

    def _option(self, name: str) -> Any:
        return self.templar.template(self.get_option(name))
