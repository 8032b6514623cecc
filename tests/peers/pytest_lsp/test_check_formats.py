"""What `conexus check` writes for other programs, read by theirs: JSON schema, XML."""

import json
import os
import pathlib
import subprocess
import xml.etree.ElementTree

import jsonschema
import pytest

BODY = """
    total = 0
    for {item} in {items}:
        if {item} is None or {item} < 0:
            continue
        if {item} > limit:
            total += min(limit * 2, {item})
        else:
            total += {item} * 3 - 1
    while total > limit * 100:
        total = total // 2 + len({items})
    if total == 0:
        raise ValueError("nothing to add up")
    return {{"total": total, "limit": limit, "mean": total / len({items})}}
"""


@pytest.fixture
def workspace(tmp_path):
    first = "def weigh(values, limit):" + BODY.format(item="value", items="values")
    second = "def score(points, limit):" + BODY.format(item="point", items="points")
    (tmp_path / "first.py").write_text(first)
    (tmp_path / "a b,%ü<.py").write_text(second)
    return tmp_path


def check(workspace, form):
    command = [os.environ["CONEXUS"], "check", "--quiet", "--workspace", str(workspace)]
    command += ["--select", "duplicate-code", "--format", form]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 1, run
    return run.stdout


def test_sarif_validates_against_the_schema_of_the_standard(workspace):
    schema = json.loads(pathlib.Path(__file__).with_name("sarif-schema-2.1.0.json").read_text())
    validator = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
    document = json.loads(check(workspace, "sarif"))
    assert [error.message for error in validator.iter_errors(document)] == []
    assert len(document["runs"][0]["results"]) == 1
    document["runs"][0]["results"][0]["level"] = "fatal"
    assert not validator.is_valid(document), "the schema is one that refuses something"


def test_junit_is_xml(workspace):
    root = xml.etree.ElementTree.fromstring(check(workspace, "junit"))
    cases = root.findall("./testsuite/testcase")
    assert root.get("failures") == "1" and len(cases) == 1
    assert cases[0].get("file") in ("first.py", "a b,%ü<.py")
    assert "does the same as" in cases[0].find("failure").get("message")


def test_gitlab_finds_what_it_needs(workspace):
    (issue,) = json.loads(check(workspace, "gitlab"))
    assert {"description", "check_name", "fingerprint", "severity", "location"} <= issue.keys()
    assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
    assert issue["location"]["lines"]["begin"] == 1
