"""The template holds what the code, the runbook and the operator count on."""

import re
import subprocess
from typing import Any

import pytest

from refunds import orders, queue, redrive, table
from refunds.deadline import LONGEST_CALL_MS
from refunds.stores import dynamo, letters
from tests.contract import template

ROOT = template.ROOT
RESOURCES: dict[str, Any] = template.written()["Resources"]
FUNCTIONS = template.functions()
TWO_WEEKS_SECONDS = 1_209_600


def test_each_folder_is_one_function_named_after_it() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    named = {
        "".join(word.capitalize() for word in folder.split("_")) + "Function": folder
        for folder in folders
    }
    assert named == {name: template.folder_of(each) for name, each in FUNCTIONS.items()}


def test_each_function_has_its_sample_event() -> None:
    events = {path.stem for path in (ROOT / "events").glob("*.json")}
    assert events == {template.folder_of(each) for each in FUNCTIONS.values()}


def test_the_environment_is_exactly_what_the_settings_read() -> None:
    settings = (ROOT / "layers/refunds/refunds/settings.py").read_text(encoding="utf-8")
    variables = template.written()["Globals"]["Function"]["Environment"]["Variables"].keys()
    for function in FUNCTIONS.values():
        variables |= function["Properties"].get("Environment", {}).get("Variables", {}).keys()
    read_by_libraries = {"AWS_ENDPOINT_URL", "POWERTOOLS_LOG_LEVEL"}
    assert variables - read_by_libraries == set(re.findall(r'os\.environ\["(\w+)"\]', settings))


def naming(pattern: str) -> set[str]:
    """Which of the product's files do."""
    return {
        path.name
        for folder in ("functions", "layers/refunds/refunds")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(pattern, path.read_text(encoding="utf-8"))
    }


def test_nothing_but_the_settings_reads_the_environment() -> None:
    assert naming("environ") == {"settings.py"}


def test_every_client_is_of_the_session_that_starts_small() -> None:
    assert naming(r"(?<!mypy_)boto3(?!\.dynamodb\.types)|botocore\.session") == {"session.py"}


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_each_function_has_its_own_role_and_log_group_with_a_retention(function: str) -> None:
    processed = template.processed()["Resources"]
    roles = [each["Properties"]["Role"] for each in _lambdas(processed)]
    assert roles.count(processed[function]["Properties"]["Role"]) == 1
    group = FUNCTIONS[function]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    users = [each["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for each in FUNCTIONS.values()]
    assert users.count(group) == 1
    assert RESOURCES[group]["Properties"]["RetentionInDays"]


def test_a_new_layer_alone_makes_a_new_version_of_every_function() -> None:
    """All rules are in the layer, and every trigger calls the alias `live`."""

    def versions(layer: str) -> dict[str, str]:
        resources = template.process(layer=layer)["Resources"]
        aliases = template.of_type("AWS::Lambda::Alias", resources)
        return {
            name: each["Properties"]["FunctionVersion"]["Fn::GetAtt"][0]
            for name, each in aliases.items()
        }

    before, after = versions("s3://artifacts/one"), versions("s3://artifacts/two")
    assert len(before) == len(FUNCTIONS)
    assert not before.items() & after.items()


def test_the_table_is_protected_against_loss() -> None:
    resource = RESOURCES["Table"]
    properties = resource["Properties"]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["SSESpecification"]["SSEEnabled"] is True
    assert properties["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"


def test_the_indexes_are_those_of_the_table_module() -> None:
    indexes = RESOURCES["Table"]["Properties"]["GlobalSecondaryIndexes"]
    assert {each["IndexName"] for each in indexes} == {
        table.MERCHANT_LIST,
        table.BUYER_LIST,
        table.WAITING_LIST,
        table.DUE_LIST,
    }
    assert all(each["Projection"] == {"ProjectionType": "KEYS_ONLY"} for each in indexes)


def test_a_message_stays_hidden_for_six_times_the_debit_function_s_timeout() -> None:
    timeout = FUNCTIONS["ProcessDebitsFunction"]["Properties"]["Timeout"]
    assert RESOURCES["DebitQueue"]["Properties"]["VisibilityTimeout"] >= 6 * timeout


def test_dead_letters_are_kept_for_two_weeks_and_outlive_the_stack() -> None:
    queues = template.of_type("AWS::SQS::Queue", RESOURCES)
    letters = {name: each for name, each in queues.items() if "DeadLetter" in name}
    assert letters.keys() == {
        "ChangeDeadLetterQueue",
        "DebitDeadLetterQueue",
        "OrderDeadLetterQueue",
    }
    for each in letters.values():
        assert each["Properties"]["MessageRetentionPeriod"] == TWO_WEEKS_SECONDS
        assert each["DeletionPolicy"] == "Retain"
    target = RESOURCES["DebitQueue"]["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]
    assert target == {"Fn::GetAtt": ["DebitDeadLetterQueue", "Arn"]}


def test_one_bad_message_is_reported_alone() -> None:
    [event] = FUNCTIONS["ProcessDebitsFunction"]["Properties"]["Events"].values()
    assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_sweeper_runs_every_minute() -> None:
    [event] = FUNCTIONS["SweepRefundsFunction"]["Properties"]["Events"].values()
    assert event["Properties"]["Schedule"] == "rate(1 minute)"


@pytest.mark.parametrize(
    ("config", "tries_before"),
    [(dynamo.CLIENT_CONFIG, dynamo.TRY_AGAIN_FOR), (queue.CLIENT_CONFIG, 0)],
)
def test_no_call_of_aws_with_all_its_retries_outlasts_any_function(
    config: Any, tries_before: float
) -> None:
    longest = tries_before + _longest_call_seconds(config)
    assert longest < min(each["Properties"]["Timeout"] for each in FUNCTIONS.values())


def test_a_function_that_asks_for_its_time_has_some_for_more_than_one_call() -> None:
    asking = {
        path.parent.name
        for path in ROOT.glob("functions/*/app.py")
        if {"ready", "Deadline"} & set(re.findall(r"\w+", path.read_text(encoding="utf-8")))
    }
    assert asking
    for each in FUNCTIONS.values():
        properties = each["Properties"]
        if properties["CodeUri"].removeprefix("functions/") in asking:
            assert properties["Timeout"] * 1000 >= 3 * LONGEST_CALL_MS


@pytest.mark.parametrize("config", [letters.QUEUE_CONFIG, letters.INVOKE_CONFIG])
def test_no_call_of_a_redrive_with_all_its_retries_outlasts_the_time_kept_for_it(
    config: Any,
) -> None:
    assert _longest_call_seconds(config) * 1000 <= LONGEST_CALL_MS


def test_no_letter_is_met_twice_in_one_redrive() -> None:
    timeout = FUNCTIONS["RedriveMessagesFunction"]["Properties"]["Timeout"]
    assert timeout < redrive.HIDDEN_SECONDS


def test_an_order_s_event_is_redriven_to_the_rule_that_records_it() -> None:
    [event] = FUNCTIONS["RecordOrdersFunction"]["Properties"]["Events"].values()
    pattern = event["Properties"]["Pattern"]
    assert pattern == {
        "source": [orders.SOURCE],
        "detail-type": [orders.OrderCompleted.__name__],
    }


def test_a_try_is_begun_only_when_there_is_time_for_its_longest_call() -> None:
    longest = dynamo.TRY_AGAIN_FOR + _longest_call_seconds(dynamo.CLIENT_CONFIG)
    assert longest * 1000 <= LONGEST_CALL_MS


def test_the_stage_has_explicit_throttles_and_an_access_log_without_personal_data() -> None:
    stage = RESOURCES["ApiStage"]["Properties"]
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"]
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"]
    logged = set(re.findall(r"\$context\.([\w.]+)", stage["AccessLogSettings"]["Format"]))
    assert not logged & {"path", "identity.sourceIp", "identity.userAgent", "authorizer.claims.sub"}


def test_each_alarm_names_a_page_of_the_runbook_and_tells_the_topic() -> None:
    runbook = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    anchors = {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", runbook, re.MULTILINE)}
    alarms = template.of_type("AWS::CloudWatch::Alarm", RESOURCES)
    assert alarms
    for name, alarm in alarms.items():
        described = alarm["Properties"]["AlarmDescription"]
        page = re.search(r"docs/runbook\.md#([\w-]+)$", described)
        assert page, f"{name} names no page"
        assert page[1] in anchors, f"{name} names {page[1]}, which the runbook has not"
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": "AlarmTopic"}]


def test_the_runbook_s_table_lists_every_alarm_and_no_other() -> None:
    runbook = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`(…?\w+Alarm)`", runbook))
    alarms = template.of_type("AWS::CloudWatch::Alarm", RESOURCES).keys()
    patterns = {each.removeprefix("…") for each in listed if each.startswith("…")}
    named = {each for each in listed if not each.startswith("…")}
    assert named <= alarms
    assert {each for each in alarms if not each.endswith(tuple(patterns))} <= named


def test_a_change_comes_again_for_as_long_as_the_stream_has_it() -> None:
    """An event that is given up can not be sent again: the dead letter has positions only."""
    [event] = FUNCTIONS["FanOutChangesFunction"]["Properties"]["Events"].values()
    properties = event["Properties"]
    assert properties["MaximumRetryAttempts"] == -1
    assert properties["BisectBatchOnFunctionError"] is True
    watched = RESOURCES["StatementsLateAlarm"]["Properties"]
    assert watched["MetricName"] == "IteratorAge"
    assert watched["Threshold"] < 24 * 3_600_000 / 2


def test_what_is_alarmed_of_our_own_metrics_is_measured() -> None:
    alarms = template.of_type("AWS::CloudWatch::Alarm", RESOURCES).values()
    ours = {
        each["Properties"]["MetricName"]
        for each in alarms
        if each["Properties"]["Namespace"] == "InstantRefunds"
    }
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("functions", "layers/refunds/refunds")
        for path in (ROOT / folder).rglob("*.py")
    )
    assert {each for each in ours if f'"{each}"' not in code} == set()


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_each_function_s_errors_and_throttles_wake_somebody(metric: str) -> None:
    alarms = template.of_type("AWS::CloudWatch::Alarm", RESOURCES).values()
    watched = {
        each["Properties"]["Dimensions"][0]["Value"]["Ref"]
        for each in alarms
        if each["Properties"]["MetricName"] == metric
    }
    assert watched == FUNCTIONS.keys()


def test_the_people_s_client_can_never_get_a_service_scope() -> None:
    people = RESOURCES["PeopleClient"]["Properties"]
    assert people["AllowedOAuthFlows"] == ["code"]
    assert people["GenerateSecret"] is False
    assert people["AllowedOAuthScopes"] == ["openid"]
    service = RESOURCES["ServiceClient"]["Properties"]
    assert service["AllowedOAuthFlows"] == ["client_credentials"]
    assert service["GenerateSecret"] is True


def test_the_template_is_valid_to_sam() -> None:
    sam = ROOT / ".tools/bin/sam"
    done = subprocess.run(
        [sam, "validate", "--lint", "--region", "us-east-1", "--template", "template.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _longest_call_seconds(config: Any) -> float:
    # botocore's standard mode waits at most 1, 2, … seconds between attempts.
    attempts: int = config.retries["total_max_attempts"]
    once: float = config.connect_timeout + config.read_timeout
    return attempts * once + sum(2.0**retry for retry in range(attempts - 1))


def _lambdas(resources: dict[str, Any]) -> list[dict[str, Any]]:
    return list(template.of_type("AWS::Lambda::Function", resources).values())


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
