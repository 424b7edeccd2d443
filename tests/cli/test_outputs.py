"""Beside which report a target's log is kept."""

from __future__ import annotations

from pathlib import Path

from harness.cli.outputs import Outputs


def test_what_goes_with_a_report_lies_beside_the_first_that_is_a_file(tmp_path: Path) -> None:
    report, folder = tmp_path / "report.json", tmp_path / "checks"
    report.touch()
    folder.mkdir()
    (tmp_path / "link.json").symlink_to(report)
    devices = {"json": Path("/dev/null"), "junit": tmp_path / "not-written.xml", "checks-json": folder}
    assert Outputs(devices).first is None
    assert Outputs({**devices, "html": tmp_path / "link.json"}).first == report
