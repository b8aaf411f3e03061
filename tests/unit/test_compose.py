"""What docker-compose.yml promises, read without Docker: confined containers, loopback, no default secret, nothing unpinned."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from retain.passwords import SECRETS, values_of

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "docker-compose.yml").read_text()
SERVICES = YAML(typ="safe").load(TEXT)["services"]
ONCE = {name for name, service in SERVICES.items() if service["restart"] == "no"}
VARIABLE = re.compile(r"\$\{([A-Z_]+)(:[-?][^}]*)?\}")


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_confined_and_limited(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    limits = service["deploy"]["resources"]["limits"]
    assert limits["memory"]
    assert limits["pids"] > 0
    assert "privileged" not in service
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", []))


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONCE))
def test_a_container_that_stays_is_restarted_and_says_whether_it_is_well(name):
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"]


def test_a_port_is_on_loopback_unless_told_otherwise():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("${RETAIN_BIND:-127.0.0.1}:") for port in ports)


def test_no_secret_has_a_default_and_each_is_judged_before_anything_starts():
    used = VARIABLE.findall(TEXT)
    for name, otherwise in used:
        assert name in SECRETS or not otherwise.startswith(":?"), name
        if name in SECRETS:
            assert otherwise == ":?run bin/retain secrets first", name
    assert set(SERVICES["secrets"]["environment"]) == set(SECRETS)
    assert {name for name, _ in used if name in SECRETS} == set(SECRETS)
    for name in ("postgres", "shop-database", "redis"):
        assert "secrets" in SERVICES[name]["depends_on"], name


def test_the_example_names_what_compose_asks_for_and_nothing_else():
    named = set(values_of((REPOSITORY / ".env.example").read_text().splitlines()))
    asked_for = {name for name, _ in VARIABLE.findall(TEXT)}
    assert named <= asked_for
    assert set(SECRETS) <= named


def test_a_container_gets_the_secrets_of_its_own_work_only():
    """Who breaks into a page that people look at finds no way to change the warehouse."""
    of_superset = {name for name in SECRETS if name in TEXT.split("x-superset-environment")[1].split("services:")[0]}
    assert of_superset == {"RETAIN_SUPERSET_SECRET_KEY", "RETAIN_SUPERSET_DATABASE_PASSWORD", "RETAIN_BI_PASSWORD"}
    holders = {name for name, service in SERVICES.items() if "RETAIN_POSTGRES_PASSWORD" in str(service)}
    assert holders == {"secrets", "postgres", "databases"}


def test_images_are_pinned_and_dockerfiles_install_from_the_locks_by_hash():
    for name, service in SERVICES.items():
        assert re.fullmatch(r"[a-z-]+:[0-9][0-9.]*", service["image"]), name
    dockerfiles = list((REPOSITORY / "docker").glob("*/Dockerfile"))
    assert len(dockerfiles) == 2
    for dockerfile in dockerfiles:
        lines = dockerfile.read_text().splitlines()
        bases = [line for line in lines if line.startswith("FROM ")]
        assert len(bases) == 2
        assert all(line.startswith("FROM python:${PYTHON}-slim") for line in bases)
        assert [line for line in lines if line.startswith("USER ")][-1] not in ("USER root", "USER 0")
        installs = [line for line in lines if line.startswith("RUN") and ("install " in line or "pip" in line)]
        assert not any(re.search(r"\bpip\b|apt-get", line) for line in installs)
        assert any("make_environment.py" in line for line in lines)
        assert not re.search(r"index-url|trusted-host|PIP_|UV_|https?://", dockerfile.read_text())


def test_what_is_not_wanted_stays_out_of_the_images():
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"  # only what is named goes in
    assert "!.env" not in ignored
    assert "**/.env*" in ignored
