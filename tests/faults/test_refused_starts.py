"""What stops a start is told in one line, and nothing that runs is disturbed."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from server import command_line
from wire import HOST, free_port

pytestmark = pytest.mark.fault


def refused(command: str, data_dir: Path, **settings: object) -> str:
    """The one line with which a start is refused."""
    ended = command_line(data_dir, command, **settings)
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    return lines[0]


def test_a_second_server_on_the_same_directory_is_refused_and_the_first_goes_on(installation, make_server):
    first = make_server(installation.directory).start().ready()
    line = refused("serve", installation.directory, port=free_port())
    assert "DXFLOW_DATA_DIR" in line
    assert str(first.process.pid) in line
    assert first.status_of("/healthz") == 200
    assert first.stop() == 0


@pytest.mark.parametrize("command", ["serve", "web"])
def test_a_taken_port_is_refused_before_anything_is_started(installation, command):
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        holder.listen()
        port = holder.getsockname()[1]
        line = refused(command, installation.directory, port=port)
    assert "DXFLOW_PORT" in line
    assert str(port) in line
    assert not (installation.directory / "valkey").exists()


def test_two_servers_on_two_directories_and_one_port_end_as_one(installation, make_server, tmp_path):
    first = make_server(installation.directory).start().ready()
    line = refused("serve", tmp_path / "other", port=first.port)
    assert "DXFLOW_PORT" in line
    assert first.status_of("/healthz") == 200


@pytest.mark.parametrize("command", ["serve", "web", "worker"])
def test_a_file_in_the_place_of_the_data_directory_is_told_in_one_line(tmp_path, command):
    in_the_way = tmp_path / "data"
    in_the_way.write_text("not a directory")
    line = refused(command, in_the_way, port=free_port())
    assert "DXFLOW_DATA_DIR" in line
    assert in_the_way.read_text() == "not a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_write_permission_is_told_in_one_line(tmp_path):
    closed = tmp_path / "data"
    closed.mkdir(mode=0o500)
    assert "DXFLOW_DATA_DIR" in refused("serve", closed, port=free_port())


def test_a_root_key_of_another_installation_is_refused_in_one_line(installation):
    (installation.directory / "root.key").write_text("A" * 43 + "=\n")
    line = refused("serve", installation.directory, port=free_port())
    assert "root key" in line
    assert "AAAA" not in line
