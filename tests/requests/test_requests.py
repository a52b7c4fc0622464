"""A request is command line, manifest and recipe at once: every option stands in one place."""

import inspect
import json
import pickle

import pytest
from pydantic import ValidationError

from auxin.cli._console import Output
from auxin.cli._from_request import fields, from_request
from auxin.errors import ConfigError
from auxin.requests.compare import CompareRequest
from auxin.requests.data import DataSpec, SplitSpec
from auxin.requests.fit import FitRequest
from auxin.requests.option import extra, refusal
from auxin.requests.probe import ProbeRequest
from auxin.requests.shared import Compute, TrainingRequest

VERBS = (CompareRequest, FitRequest, ProbeRequest)


def called(model, **given):
    """The request that a verb gets of a command line with these options."""
    found = []

    def verb(request: model, output: Output) -> None:  # type: ignore[valid-type]
        found.append(request)

    function = from_request(verb)
    defaults = {name: p.default for name, p in inspect.signature(function).parameters.items()}
    function(**{**defaults, **given})
    return found[0]


@pytest.mark.parametrize("model", VERBS)
def test_every_option_has_a_help_text_and_a_flag_of_its_own(model):
    options = list(fields(model))
    assert len(options) > 25
    assert all(option.help.endswith(".") for option in options)
    flags = [extra(option.info)["flag"] or option.path[-1] for option in options]
    assert len(set(flags)) == len(flags)


@pytest.mark.parametrize("model", VERBS)
def test_a_command_line_without_options_is_the_models_own_default(model):
    given = called(model, data__name="digits")
    assert given.model_copy(update={"command": ""}) == model(data=DataSpec(name="digits"))


def test_what_is_typed_reaches_the_request():
    given = called(
        CompareRequest,
        data__group="who",
        methods="single, maxl-frozen",
        labels="20,5",
        refit=False,
        budget="10min",
        training__settings=["lr=0.3", "labeler.hard=true"],
        training__balanced=True,
        compute__jobs=2,
    )
    assert given.data == DataSpec(name="digits", group="who")
    assert given.methods == ("single", "maxl_frozen")
    assert given.labels == (5, 20)
    assert (given.refit, given.budget, given.compute.jobs) == (False, 600.0, 2)
    wanted = {"class_weights": "balanced", "lr": 0.3, "labeler.hard": True}
    assert given.training.hyperparameters == wanted


def test_a_verbs_own_default_outlives_another_option_of_the_group():
    assert called(FitRequest, data__name="digits", split__validation=0.3).split == SplitSpec(
        validation=0.3, test=0.0
    )


def test_every_mistake_is_named_at_once():
    with pytest.raises(ConfigError) as caught:
        called(FitRequest, data__name="x.csv", tries=0, budget="soon", compute__jobs=0)
    for part in ("3 options are invalid", "--tries is invalid", "--jobs is invalid", "--budget", "'soon'"):
        assert part in str(caught.value)
    with pytest.raises(ValidationError) as invalid:
        ProbeRequest.model_validate({"how": {"damping": 0.0}})
    assert "The option --damping is invalid. Expected greater than 0" in str(
        refusal(invalid.value, ProbeRequest)
    )


def test_the_manifest_holds_what_changes_a_result_and_nothing_else():
    one = CompareRequest(
        data=DataSpec(name="a.csv", target="y"), training=TrainingRequest(settings={"lr": 0.1})
    )
    stored = json.loads(json.dumps(one.identity(), default=str))
    assert stored["data"] == {"name": "a.csv", "options": [["target", "y"]]}
    assert stored["training"]["settings"] == {"lr": 0.1}
    assert not {"out", "command", "budget", "compute"} & {key for key, value in stored.items() if value}
    elsewhere = one.model_copy(update={"compute": Compute(jobs=7), "budget": 5.0, "command": "again"})
    assert elsewhere.digest == one.digest
    assert one.model_copy(update={"refit": False}).digest != one.digest


def test_an_option_of_one_data_set_is_kept_and_a_request_crosses_processes():
    spec = DataSpec.model_validate({"name": "camvid", "made": True})
    assert spec.options == (("made", True),)
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert hash(pickle.loads(pickle.dumps(spec))) == hash(spec)
    assert spec != DataSpec(name="camvid")


def test_a_wrong_engine_is_refused_with_the_option() -> None:
    with pytest.raises(ValidationError) as caught:
        CompareRequest.model_validate({"compute": {"engine": "slurm"}})
    assert "--engine" in str(refusal(caught.value, CompareRequest))
    assert "'torchrun'" in str(refusal(caught.value, CompareRequest))
