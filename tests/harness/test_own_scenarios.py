"""A folder of the user's own scenarios: loaded beside ours, apart from everything else, and mistakes told by line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness import own_scenarios
from harness.catalogue import catalogue
from harness.context import Context
from harness.engine import judge
from harness.http import Wire
from harness.own_scenarios import OwnScenariosError, load_own, own_folder
from harness.request import TargetFileError
from harness.requirement import load_requirements
from harness.run import Run
from harness.scenario import DeclarationError, Scenario, load_scenarios, scenario
from harness.selection import check_selectors
from harness.target import Target, Tenant
from harness.verdict import Verdict

HEAD = "from harness import Context, expect, fault, for_all, scenario\n"
PASSES = (
    HEAD
    + '''
@scenario("oauth21-4.1.3-6")
def a_house_rule_holds(ctx: Context) -> None:
    """The rule of the house holds.

    Why: it is ours.
    Remedy: follow it.
    """
'''
)
RULES = """
[document]
id = "house"
title = "Rules of the house"
url = "https://house.example/rules"
section_url = "https://house.example/rules#{section}"

[[requirement]]
id = "house-1"
section = "1"
role = "mcp-server"
level = "SHOULD"
text = "The house is tidy."
"""


def write(folder: Path, **files: str) -> Path:
    """Write Python files by their name without its end, and return the folder."""
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def load(folder: Path) -> dict[str, Scenario]:
    return dict(load_own(folder)[0])


def mistake(folder: Path) -> str:
    """Return the sentence by which a folder is refused, which begins with its name."""
    before = dict(sys.modules)
    with pytest.raises(OwnScenariosError) as raised:
        load_own(folder)
    left = [name for name in sys.modules.keys() - before.keys() if name.startswith("_mcp_assay")]
    assert left == []
    said = str(raised.value)
    assert "\n" not in said
    return said.removeprefix(f"{folder}")


def test_a_check_may_return_early_and_have_functions_in_it(tmp_path: Path) -> None:
    lines = ("if ctx: return", "else: return None", "size = lambda x: len(x)", "def inner(): return size")
    text = PASSES + "".join(f"    {line}\n" for line in lines)
    assert [item.own for item in load(write(tmp_path, house=text)).values()] == [True]


def judged(item: Scenario) -> Verdict:
    wire = Wire(5)
    try:
        return judge(Run(Target("x", Tenant()), wire, Context), item).verdict
    finally:
        wire.close()


def test_a_file_is_an_area_and_a_function_a_scenario(tmp_path: Path) -> None:
    found = load(write(tmp_path / "mine", house_rules=PASSES))
    assert list(found) == ["as/house-rules/a-house-rule-holds"]
    item = found["as/house-rules/a-house-rule-holds"]
    assert (item.role, item.area, item.title) == ("authorization-server", "house-rules", "The rule of the house holds.")
    assert (item.why, item.remedy) == ("it is ours.", "follow it.")
    assert item.requirements == (load_requirements()["oauth21-4.1.3-6"],)
    assert item.source == PASSES.removeprefix(HEAD).lstrip("\n")
    assert judged(item) is Verdict.PASSED


def test_the_role_of_the_first_requirement_makes_the_beginning_of_the_id(tmp_path: Path) -> None:
    text = PASSES.replace('"oauth21-4.1.3-6"', '"mcp-token-handling-2", "oauth21-4.1.3-6"')
    assert list(load(write(tmp_path, tidy=text))) == ["mcp/tidy/a-house-rule-holds"]


def test_families_and_properties_are_declared_as_ours_are(tmp_path: Path) -> None:
    text = f"""{HEAD}
from hypothesis import strategies as st

ROWS = (fault("red", "house-1", remedy="Paint it."), fault("blue", "house-1", remedy="Wash it."))

@scenario.each(ROWS)
def walls_are_white(ctx, row):
    "Walls are white."
    expect(row.name == "red", "white", row.name)

@scenario("house-1")
@for_all(budget=3, number=st.integers(0, 9))
def numbers_are_small(ctx, number):
    expect(number < 10, "a small number", str(number))
"""
    write(tmp_path, house=text)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "house.toml").write_text(RULES)
    found = load(tmp_path)
    verdicts = {name: judged(item) for name, item in found.items()}
    assert verdicts == {
        "mcp/house/walls-are-white/red": Verdict.PASSED,
        "mcp/house/walls-are-white/blue": Verdict.WARNING,
        "mcp/house/numbers-are-small": Verdict.PASSED,
    }
    assert [found[name].title for name in found] == [
        "Walls are white: red.",
        "Walls are white: blue.",
        "Numbers are small.",
    ]
    assert found["mcp/house/walls-are-white/red"].remedy == "Paint it."
    assert found["mcp/house/numbers-are-small"].requirements[0].url == "https://house.example/rules#1"


def test_the_catalogue_holds_ours_and_theirs_in_order(tmp_path: Path) -> None:
    there = catalogue(write(tmp_path, house=PASSES))
    assert list(there.scenarios) == sorted({*load_scenarios(), "as/house/a-house-rule-holds"})
    assert dict(there.requirements) == dict(load_requirements())
    check_selectors(there.scenarios, ["as/house", "as/pkce"])
    assert "as/house/a-house-rule-holds" not in load_scenarios()
    assert list(catalogue().scenarios) == list(load_scenarios())


def test_it_is_loaded_again_as_it_is_then(tmp_path: Path) -> None:
    first = load(write(tmp_path, house=PASSES, other=PASSES))
    assert list(load(tmp_path)) == list(first)
    (tmp_path / "other.py").unlink()
    write(tmp_path, house=PASSES.replace("a_house_rule_holds", "another_rule_of_the_house_holds"))
    assert list(load(tmp_path)) == ["as/house/another-rule-of-the-house-holds"]


def test_two_folders_with_equal_files_do_not_mix(tmp_path: Path) -> None:
    helper = "NAME = {!r}"
    text = PASSES + "    from ._names import NAME\n    expect(False, NAME, '')\n"
    one = load(write(tmp_path / "one", house=text, _names=helper.format("one")))
    two = load(write(tmp_path / "two", house=text, _names=helper.format("two")))
    for found, name in ((one, "one"), (two, "two")):
        wire = Wire(5)
        result = judge(Run(Target("x", Tenant()), wire, Context), *found.values())
        wire.close()
        assert result.expected == name


def test_files_import_each_other_relatively_and_shadow_nothing(tmp_path: Path) -> None:
    names = ("harness", "scenarios", "json", "pytest", "house")
    files = dict.fromkeys(names, PASSES + "    import json\n    json.dumps({})\n")
    files["house"] += "\nfrom .json import a_house_rule_holds as same\nfrom ._deep.down import TOP\nassert TOP == 1\n"
    before, path = set(sys.modules), list(sys.path)
    found = load(write(tmp_path, **{"_deep/down": "from .._top import TOP", "_top": "TOP = 1"}, **files))
    assert {item.area for item in found.values()} == set(names)
    assert {judged(item) for item in found.values()} == {Verdict.PASSED}
    assert sys.path == path
    assert {name.partition(".")[0] for name in sys.modules.keys() - before} <= {found_name(tmp_path)}


def found_name(folder: Path) -> str:
    return next(name for name in sys.modules if name.startswith("_mcp_assay") and _home(name) == str(folder.resolve()))


def _home(name: str) -> str:
    return str(next(iter(getattr(sys.modules[name], "__path__", [""]))))


def test_helpers_and_tests_beside_them_are_left_alone(tmp_path: Path) -> None:
    broken = "raise SystemExit('must not run')"
    write(tmp_path, house=PASSES, _helper=broken, __init__=broken, test_house=broken, conftest=broken)
    write(tmp_path / "below", house=broken)
    (tmp_path / "notes.txt").write_text("x")
    assert len(load(tmp_path)) == 1


MISTAKES = {
    "syntax": ("x = 1\ndef broken(:\n    pass\n", "/house.py:2: SyntaxError: invalid syntax"),
    "null bytes": ("x = '\0'\n", ": SyntaxError: source code string cannot contain null bytes"),
    "import": (f"{HEAD}\nimport nothing\n", "/house.py:3: ModuleNotFoundError: No module named 'nothing'"),
    "relative import": ("\nfrom . import none\n", "/house.py:2: ImportError: cannot import name 'none' from 'mine'"),
    "a name": ("\n\nundefined\n", "/house.py:3: NameError: name 'undefined' is not defined"),
    "several lines": ("raise ValueError('one\\ntwo')", "/house.py:1: ValueError: one two"),
    "nothing said": ("raise KeyError", "/house.py:1: KeyError"),
    "an end": ("import sys\nsys.exit('enough')", "/house.py:2: SystemExit: enough"),
    "a skip": ("import pytest\npytest.skip('no', allow_module_level=True)", "/house.py:2: Skipped: no"),
    "an unknown requirement": (
        PASSES.replace("oauth21-4.1.3-6", "oauth21-4.1.3-66"),
        "/house.py:3: a_house_rule_holds cites 'oauth21-4.1.3-66', which no file of requirements holds; did you mean",
    ),
    "no requirement": (PASSES.replace('"oauth21-4.1.3-6"', ""), "/house.py:3: a_house_rule_holds cites no requirement"),
    "no call": (
        PASSES.replace('("oauth21-4.1.3-6")', ""),
        '/house.py:3: @scenario is given ids of requirements, such as @scenario("rfc7636-4.6-1")',
    ),
    "an id of its own twice": (PASSES * 2, "/house.py:12: a scenario is called as/house/a-house-rule-holds already"),
    "async": (
        PASSES.replace("def ", "async def "),
        "/house.py:3: as/house/a-house-rule-holds is async or yields; a scenario is a plain function",
    ),
    "a generator": (PASSES + "    yield", "/house.py:3: as/house/a-house-rule-holds is async or yields"),
    "a result": (
        PASSES + "    def inner(): return 1\n    return ctx.metadata == {}\n",
        "/house.py:3: as/house/a-house-rule-holds returns `ctx.metadata == {}`, which judges nothing; expect() does",
    ),
    "no argument": (
        PASSES.replace("ctx: Context", ""),
        "/house.py:3: as/house/a-house-rule-holds takes other arguments than the context; @for_all stands below",
    ),
    "a row without its argument": (
        HEAD + "@scenario.each([fault('a', 'oauth21-4.1.3-6', remedy='')])\ndef x(ctx): ...\n",
        "/house.py:2: as/house/x/a takes other arguments than the context and the row",
    ),
    "a row with a slash": (
        HEAD + "@scenario.each([fault('a/b', 'oauth21-4.1.3-6', remedy='')])\ndef x(ctx, row): ...\n",
        "/house.py:2: as/house/x/a/b has a row called 'a/b'; letters, digits, hyphens and periods are allowed",
    ),
    "a need by name": (
        PASSES.replace("4.1.3-6\"", "4.1.3-6\", needs=['metadata']"),
        "/house.py:3: as/house/a-house-rule-holds needs 'metadata', which is no capability; harness.capability has",
    ),
    "no scenario": ("x = 1\n", ": its files declare no scenario; @scenario does"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    assert said in mistake(write(tmp_path / "mine", house=text))


def test_an_id_of_ours_cannot_be_taken(tmp_path: Path) -> None:
    text = PASSES.replace("a_house_rule_holds", "a_wrong_verifier_is_refused")
    said = mistake(write(tmp_path, pkce=text))
    assert said == "/pkce.py:3: a scenario is called as/pkce/a-wrong-verifier-is-refused already"


def test_a_mistake_in_a_helper_is_told_where_it_is(tmp_path: Path) -> None:
    write(tmp_path, house=f"{HEAD}from ._helper import x\n", _helper="\n1 / 0\n")
    assert mistake(tmp_path) == "/_helper.py:2: ZeroDivisionError: division by zero"


def test_scenarios_of_a_folder_below_are_refused(tmp_path: Path) -> None:
    write(tmp_path, house="from .below import more\n", **{"below/more": PASSES})
    said = mistake(tmp_path)
    assert said.startswith("/below/more.py:3: a_house_rule_holds stands in ")
    assert said.endswith(".below.more, which is no file of a scenarios folder")


def test_a_scenario_that_stands_anywhere_else_is_refused() -> None:
    with pytest.raises(DeclarationError, match="test_own_scenarios, which is no file of a scenarios folder"):
        scenario("oauth21-4.1.3-6")(test_a_scenario_that_stands_anywhere_else_is_refused)


def test_a_file_whose_name_is_none_of_a_module_is_refused(tmp_path: Path) -> None:
    said = mistake(write(tmp_path, **{"my-rules": PASSES}))
    assert said == "/my-rules.py: 'my-rules' is no name of a module; letters, digits and _ are allowed"


@pytest.mark.parametrize(("make", "said"), [("", ": there is no such folder"), ("file", ": is no folder")])
def test_a_missing_folder_is_named(tmp_path: Path, make: str, said: str) -> None:
    if make:
        (tmp_path / "mine").write_text("")
    assert mistake(tmp_path / "mine") == said


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    write(tmp_path, _helper="", test_house="")
    assert mistake(tmp_path).startswith(": holds no scenarios; they are in its files *.py")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("house", "[document", "/requirements/house.toml: not valid TOML: "),
        ("house", RULES.replace("SHOULD", "MAY"), "/requirements/house.toml: requirement 1 (house-1): level: 'MAY' is"),
        ("rules", RULES, "/requirements/rules.toml: document: id is 'house'; the file's name asks for 'rules'"),
        ("mcp", RULES.replace("house", "mcp"), "/requirements/mcp.toml: 'mcp' is an id of ours; choose another one"),
    ],
)
def test_a_mistake_in_a_requirement_is_told_with_its_file(tmp_path: Path, name: str, text: str, said: str) -> None:
    write(tmp_path, house=PASSES)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / f"{name}.toml").write_text(text)
    assert mistake(tmp_path).startswith(said)


def test_a_requirement_that_nothing_judges_is_refused(tmp_path: Path) -> None:
    write(tmp_path, house=PASSES.replace("oauth21-4.1.3-6", "house-1"))
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "house.toml").write_text(RULES.replace("mcp-server", "identity-provider"))
    said = mistake(tmp_path)
    assert said == "/house.py:3: a_house_rule_holds cites house-1, and nothing judges the role identity-provider"


def test_the_end_of_the_program_by_the_user_is_none_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        load_own(write(tmp_path, house="raise KeyboardInterrupt"))


def test_the_plan_is_read_whatever_else_a_target_file_says(tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_text('[plan]\nscenarios = "mine"\n[target]\nnonsense = 1\n')
    assert own_folder(file) == tmp_path / "mine"
    file.write_text("[target]\n")
    assert own_folder(file) is None
    file.write_text("[plan]\nscenario = 1\n")
    with pytest.raises(TargetFileError, match=r"plan\.scenario: is no key that is known here; there are: scenarios"):
        own_folder(file)
    assert own_scenarios.REQUIREMENTS == "requirements"
