"""Settings become a resolved configuration, and the configuration becomes settings again."""

import tomllib

import pytest

from unweave.config import make_config
from unweave.configfile import config_text
from unweave.errors import ConfigError, UnknownNameError
from unweave.method import Schedule
from unweave.registry import registry
from unweave.settings import parse_settings, read_settings


def test_a_resolved_configuration_reads_back_as_itself(settings):
    config = make_config(registry(), {"method": "toy-vae", "beta": "linear(0, 4, 10)", **settings})
    text = config_text(registry(), config)
    assert make_config(registry(), tomllib.loads(text)) == config
    assert config.method == "toy:toy-vae"
    assert config.prior.name == "toy:toy-normal"
    assert config.options == {"beta": "linear(0, 4, 10)", "cost": "bernoulli"}
    assert tomllib.loads(text)["versions"]["toy"] == "1.0"


def test_every_default_is_written_down(settings):
    text = config_text(registry(), make_config(registry(), {"method": "toy-vae", **settings}))
    table = tomllib.loads(text)
    assert table["learning_rate"] == 5e-4
    assert table["data"] == {
        "name": "toy:toy-images", "side": 16, "colours": 1, "bits": 8, "disk": False,
        "factors": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ({"log_every": 300, "holdout": 28}, (300, 1200)),
        ({"log_every": 300}, (300, 1000)),
        ({"log_every": 2500, "holdout": 28}, (2500, 2500)),
        ({"validate_every": 250, "holdout": 28}, (50, 250)),
        ({"validate_every": 250}, (100, 250)),
        ({"evaluate_every": 40, "validate_every": 60, "holdout": 28}, (20, 60)),
        ({"evaluate_every": 30, "holdout": 28}, (10, 1000)),
        ({"holdout": 28}, (100, 1000)),
    ],
)
def test_an_interval_that_is_left_out_fits_the_others(settings, intervals, expected):
    rest = {key: value for key, value in settings.items() if not key.endswith("_every")}
    config = make_config(registry(), {"method": "toy-vae", **rest, **intervals})
    assert (config.log_every, config.validate_every) == expected


def test_intervals_that_were_both_set_must_fit(settings):
    intervals = {"log_every": 300, "validate_every": 1000, "holdout": 28}
    with pytest.raises(ConfigError, match="validate_every must be a multiple of log_every=300"):
        make_config(registry(), {"method": "toy-vae", **settings, **intervals})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "toy-vea"}, "unknown method 'toy-vea'; did you mean 'toy-vae'"),
        ({"bta": 3}, "unknown setting of method toy-vae 'bta'; did you mean 'beta'"),
        ({"batchsize": 3}, "did you mean 'batch_size'"),
        ({"steps": 0}, "setting steps does not take 0"),
        ({"steps": "many"}, "setting steps does not take 'many'"),
        ({"batch_size": 1}, "setting batch_size does not take 1"),
        ({"seed": -1}, "setting seed does not take -1"),
        ({"learning_rate": -0.1}, "learning_rate must be positive"),
        ({"precision": "float8"}, "setting precision does not take 'float8'"),
        ({"beta": "exp(3)"}, "option beta of method toy-vae does not take"),
        ({"data": "toy-imges"}, "did you mean 'toy-images'"),
        ({"data": "toy-images:size=3"}, "unknown option of dataset toy-images 'size'"),
        ({"prior": "toy-normal:learned=maybe"}, "option learned of prior toy-normal"),
        ({"architecture": "conv65"}, "did you mean 'conv64'"),
        ({"adam_betas": "0.9,x"}, "option betas of optimizer adam"),
        ({"optimizer": "adm"}, "unknown optimizer 'adm'; did you mean 'adam'"),
        ({"optimizer": "adam:lr=0"}, "option lr of the optimizer must be positive"),
        ({"weight_decay": 0.1}, "did you mean optimizer=adamw:weight_decay="),
        ({"grad_clip": 1}, "did you mean clip_norm"),
        ({"resume": "x"}, "did you mean the option --resume"),
        ({"fuse": 3}, "unknown setting of method toy-vae 'fuse'; methods that have it: toy-bomb"),
        ({"clip_norm": -1}, "setting clip_norm does not take -1"),
        ({"stop_after": 3}, "setting stop_after needs keep_best"),
        ({"evaluate_every": 7}, "evaluate_every must be a multiple of log_every=5"),
        ({"dim": True}, "setting dim does not take True: expected a number"),
        ({"learning_rate": True}, "setting learning_rate does not take True: expected a number"),
        ({"beta": True}, "option beta of method toy-vae does not take True: expected a number"),
        ({"optimizer": {"name": "adam", "betas": [True, 0.9]}}, "option betas of optimizer adam"),
        ({"classifier": {"mode": "own", "factor": True}}, "setting classifier.factor does not"),
        ({"classifier": "some"}, "setting classifier.mode does not take 'some'"),
    ],
)
def test_wrong_settings_are_one_sentence(settings, change, message):
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")) as caught:
        make_config(registry(), {"method": "toy-vae", **settings, **change})
    assert "\n" not in str(caught.value)


def test_settings_without_a_method():
    with pytest.raises(ConfigError, match="needs a method"):
        make_config(registry(), {"steps": 3})


def test_betas_as_text(settings):
    config = make_config(registry(), {"method": "toy-vae", **settings, "adam_betas": "0.5,0.9"})
    assert config.optimizer.options["betas"] == (0.5, 0.9)
    assert config.optimizer.options["eps"] == 1e-8


def test_pairs_of_the_command_line():
    assert parse_settings(["a=1", "log-every = 3", "b=x=y"]) == {
        "a": "1",
        "log_every": "3",
        "b": "x=y",
    }
    for wrong in ("a", "=3", " =3"):
        with pytest.raises(ConfigError, match="key=value"):
            parse_settings([wrong])


def test_a_setting_that_is_given_twice_names_both():
    for twice in (["lambda=1", "lambda_=2"], ["beta=1", "beta=1"], ["log-every=1", "log_every=2"]):
        with pytest.raises(ConfigError, match="is given twice") as error:
            parse_settings(twice)
        assert all(f"'{pair}'" in str(error.value) for pair in twice)
    with pytest.raises(ConfigError, match="as 'steps 3' and as 'steps=4'"):
        parse_settings(["steps=4"], {"steps": "3", "data": None})
    with pytest.raises(ConfigError, match="lambda and lambda_ are the same setting"):
        make_config(registry(), {"method": "vcae", "lambda": 1, "lambda_": 2})
    with pytest.raises(ConfigError, match="has the option df twice"):
        make_config(registry(), {"method": "vae", "prior": "student-t:df=3,df=4"})


def test_files_that_are_no_settings(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_settings(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = = 3")
    with pytest.raises(ConfigError, match="is not TOML"):
        read_settings(tmp_path / "bad.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not TOML"):
        read_settings(tmp_path / "binary.toml")


@pytest.mark.parametrize(
    ("text", "start", "end", "steps"),
    [
        (3, 3, 3, 1),
        ("-1.5e1", -15, -15, 1),
        ("linear(1, 2, 30)", 1, 2, 30),
        ("warmup(4,10)", 0, 4, 10),
    ],
)
def test_schedules(text, start, end, steps):
    assert Schedule.parse(text) == Schedule(start, end, steps)


def test_schedules_by_their_formulas():
    cosine = Schedule.parse("cosine(2, 0, 100)")
    assert [cosine.at(t) for t in (0, 50, 100, 500)] == pytest.approx([2, 1, 0, 0])
    falling = Schedule.parse("exponential(1, .01, 100)")
    assert [falling.at(t) for t in (0, 50, 100, 101)] == pytest.approx([1, 0.1, 0.01, 0.01])
    drops = Schedule.parse("steps(1e-3, 18000: .5, 30000: .1)")
    at = [drops.at(t) for t in (0, 17999, 18000, 29999, 30000, 10**6)]
    assert at == pytest.approx([1e-3, 1e-3, 5e-4, 5e-4, 1e-4, 1e-4])


@pytest.mark.parametrize("text", ["steps(1, 5: .5, 5: .1)", "exponential(1, 0, 9)", "steps(1)"])
def test_schedules_that_make_no_sense(text):
    with pytest.raises(ValueError, match="ascend|one sign|expected a number"):
        Schedule.parse(text)


@pytest.mark.parametrize(
    "text", ["", "linear(1,2)", "warmup(1, 0)", "warmup(1, 2.5)", "nan", "inf"]
)
def test_what_is_no_schedule(text):
    with pytest.raises(ValueError, match="expected a number|whole number of steps"):
        Schedule.parse(text)


def test_an_option_that_is_a_setting_of_every_run_is_refused(monkeypatch):
    import toy

    from unweave.method import Method

    def clash(*, steps: int = 3) -> Method:
        return Method(())

    monkeypatch.setattr(toy, "toy_vae", clash)
    with pytest.raises(ConfigError, match="has an option 'steps', which is a setting of every run"):
        make_config(registry(), {"method": "toy-vae"})


def test_unknown_settings_are_unknown_names(settings):
    with pytest.raises(UnknownNameError):
        make_config(registry(), {"method": "toy-vae", **settings, "zzz": 1})


def test_a_rate_in_the_optimizer_is_the_runs(settings):
    config = make_config(
        registry(), {"method": "toy-vae", **settings, "optimizer": "rmsprop:lr=1e-4,alpha=.9"}
    )
    assert config.learning_rate == 1e-4
    assert config.optimizer.name == "unweave:rmsprop"
    assert config.optimizer.options["alpha"] == 0.9


def test_a_plugin_that_is_not_installed_is_named(settings):
    with pytest.raises(UnknownNameError, match="install unweave-logistic"):
        make_config(
            registry(), {"method": "toy-vae", **settings, "prior": "unweave-logistic:logistic"}
        )


def test_the_signature_of_train_has_every_setting():
    import inspect

    import unweave
    from unweave.train_config import FIELDS

    assert set(FIELDS) <= set(inspect.signature(unweave.train).parameters)
