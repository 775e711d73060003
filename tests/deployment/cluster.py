"""What docker-compose.yml describes, as processes of this machine on ports of their own instead of containers.

Commands, settings and healthchecks are those of the file; only names of hosts, ports and folders are others.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from shared.settings import ENVIRONMENT_PREFIX
from tests.deployment import servers
from tests.deployment.compose import PASSWORDS, Service, services
from tests.stack import PROJECT, free_port, wait_until

STOP_TIMEOUT_S = 60.0
# What a process is given beside the file, to be small: one image at a time.
SMALL = {"SAEMI_WORKER_PROCESSES": "1"}
PORTAL_PORT, METRICS_PORT, PROXY_HEALTH_PORT = 8000, 9100, 2080


@dataclass
class Cluster:
    """The running processes by name, and where they are reached."""

    folder: Path
    services: Mapping[str, Service]
    # Address in the file → address here.
    addresses: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    portals: list[str] = field(default_factory=list)
    proxy: str = ""
    # The S3 server through the proxy, as browsers reach it.
    store: str = ""

    @property
    def authority(self) -> Path:
        """The certificate of the proxy's own authority, which its visitors must trust."""
        return self.folder / "proxy" / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    @property
    def database_url(self) -> str:
        """The database, as the portals reach it."""
        return self.local(self.services["web"]).environment["SAEMI_DATABASE_URL"]

    def local(self, service: Service) -> Service:
        """The service with addresses of this machine in its command and its environment."""
        environment = {name: self._here(value) for name, value in service.environment.items()}
        return replace(service, command=tuple(map(self._here, service.command)), environment=environment)

    def start(self, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a process; what it says goes to a file of its name."""
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                arguments, env=_clean() | dict(environment), cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )

    def run(self, service: Service) -> None:
        """Run a command that ends, and require its success."""
        local = self.local(service)
        entrypoint = tuple(service.declared.get("entrypoint", ()))
        arguments = [*entrypoint, *local.command] if entrypoint else _saemi(local.command)
        done = subprocess.run(
            arguments, env=_clean() | dict(local.environment), cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{service.name}: {done.stdout}{done.stderr}"

    def wait_for_health(self, name: str, service: Service, ports: Mapping[int, int]) -> None:
        """Wait until the healthcheck of the file passes, asked at the ports of this machine."""
        kind, program, *arguments = service.declared["healthcheck"]["test"]
        assert (kind, program) == ("CMD", "python")
        asked = [re.sub(r"(127\.0\.0\.1:)(\d+)", lambda found: f"{found[1]}{ports[int(found[2])]}", word) for word in arguments]

        def passes() -> bool:
            assert self.processes[name].poll() is None, f"{name} ended: {(self.folder / f'{name}.log').read_text()[-2000:]}"
            return subprocess.run([sys.executable, *asked], env=_clean(), capture_output=True, check=False).returncode == 0

        wait_until(passes, f"{name} is healthy", 90)

    def stop(self) -> None:
        """Stop all, those that were started last first."""
        for process in reversed(self.processes.values()):
            process.terminate()
        for name, process in self.processes.items():
            if name == "s3":  # takes half a minute to say goodbye
                process.kill()
            process.wait(STOP_TIMEOUT_S)

    def _here(self, text: str) -> str:
        for there, here in self.addresses.items():
            text = text.replace(there, here)
        return text


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Run two portals behind the proxy, three workers, a scheduler and the three servers while the block lasts."""
    cluster = Cluster(folder, services(PASSWORDS))
    with ExitStack() as cleanup:
        cleanup.callback(cluster.stop)
        _start_servers(cluster)
        cluster.run(cluster.services["migrate"])
        for name in ("web-1", "web-2"):
            cluster.portals.append(f"http://127.0.0.1:{_start_saemi(cluster, name, 'web')}")
        for name, service in {"worker-1": "worker", "worker-2": "worker", "worker-3": "worker-interactive"}.items():
            _start_saemi(cluster, name, service)
        _start_saemi(cluster, "scheduler", "scheduler")
        _start_proxy(cluster)
        yield cluster


def _start_servers(cluster: Cluster) -> None:
    ports = servers.s3_ports()
    cluster.addresses = {
        "postgres:5432": f"127.0.0.1:{free_port()}",
        "redis:6379": f"127.0.0.1:{free_port()}",
        "s3:8333": f"127.0.0.1:{ports['s3']}",
        # Its other servers are named with both ports where the second is not the first plus 10,000.
        "s3:9333": f"127.0.0.1:{ports['master']}.{ports['master.grpc']}",
        "s3:8888": f"127.0.0.1:{ports['filer']}.{ports['filer.grpc']}",
    }
    database, broker, store = (cluster.services[name] for name in ("postgres", "redis", "s3"))
    folder = cluster.folder
    cluster.start("postgres", servers.database_command(database, folder / "postgres", _port(cluster, "postgres:5432")), {})
    cluster.start("redis", servers.broker_command(broker, folder / "redis", _port(cluster, "redis:6379")), {})
    cluster.start("s3", servers.s3_command(store, folder / "s3", ports), store.environment)
    servers.wait_for_database(cluster.database_url)
    servers.wait_for_s3(cluster.addresses["s3:8333"])
    cluster.run(cluster.services["bucket"])


def _start_saemi(cluster: Cluster, name: str, service_name: str) -> int:
    """Start a process of SAEMI and wait for its health; returns the port it listens on."""
    service = cluster.services[service_name]
    local, port = cluster.local(service), free_port()
    own = {"SAEMI_DATA_DIR": str(cluster.folder / name), "SAEMI_HOST": "127.0.0.1", "SAEMI_LOG_FORMAT": "json"}
    listening = {"SAEMI_PORT" if service_name == "web" else "SAEMI_METRICS_PORT": str(port)}
    cluster.start(name, _saemi(local.command), SMALL | dict(local.environment) | own | listening)
    cluster.wait_for_health(name, service, {PORTAL_PORT: port, METRICS_PORT: port})
    return port


def _start_proxy(cluster: Cluster) -> None:
    ports = {name: free_port() for name in ("HTTP", "HTTPS", "S3", "HEALTH")}
    upstreams = " ".join(portal.removeprefix("http://") for portal in cluster.portals)
    environment = {
        **cluster.services["proxy"].environment,
        **{f"CADDY_{name}_PORT": str(port) for name, port in ports.items()},
        "PORTAL_UPSTREAMS": f"to {upstreams}",
        "S3_UPSTREAM": cluster.addresses["s3:8333"],
        "XDG_DATA_HOME": str(cluster.folder / "proxy"),
        "XDG_CONFIG_HOME": str(cluster.folder / "proxy"),
    }
    caddy = str(servers.PROGRAMS / "caddy")
    cluster.start("proxy", [caddy, "run", "--config", str(PROJECT / "deploy" / "Caddyfile")], environment)
    cluster.proxy = f"https://localhost:{ports['HTTPS']}"
    cluster.store = f"https://localhost:{ports['S3']}"
    wait_until(cluster.authority.is_file, "the proxy has made its certificate")
    servers.wait_for_answer(f"http://127.0.0.1:{ports['HEALTH']}/")


def _saemi(command: Sequence[str]) -> list[str]:
    program, *arguments = command
    assert program == "saemi"
    return [sys.executable, "-m", "cli.main", *arguments]


def _port(cluster: Cluster, address: str) -> int:
    return int(cluster.addresses[address].rpartition(":")[2])


def _clean() -> dict[str, str]:
    """The environment of this process without settings of SAEMI, and with the programs of the wheels."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)}
    return inherited | {"PATH": f"{servers.PROGRAMS}:{os.environ['PATH']}", "PYTHONPATH": str(PROJECT)}
