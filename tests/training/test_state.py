"""What a training keeps: learning rate, moving average, log, state."""

from itertools import pairwise

import pytest
import torch

from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.training.loop import MovingAverage, cosine_with_warmup
from sedtalker_cli.training.state import DATA, append_row, load_state, open_run, save_state


def test_learning_rate_rises_and_falls():
    factors = [cosine_with_warmup(step, 100, 10) for step in range(101)]
    assert factors[:10] == pytest.approx([k / 10 for k in range(1, 11)])
    assert factors[10] == 1 and factors[55] == pytest.approx(0.5) and factors[100] == pytest.approx(0)
    assert all(a >= b for a, b in pairwise(factors[10:]))
    assert cosine_with_warmup(1, 1, 1) == pytest.approx(1)


def test_moving_average_follows_quickly_then_slowly():
    module = torch.nn.BatchNorm1d(1)
    average = MovingAverage(module, decay=0.9)
    with torch.no_grad():
        module.weight.fill_(11)
        module.num_batches_tracked.fill_(5)
    average.update(module)
    assert average.state["weight"].item() == pytest.approx(11 - 10 * 2 / 11)
    assert average.state["num_batches_tracked"].item() == 5
    for _ in range(200):
        average.update(module)
    before = average.state["weight"].item()
    assert before == pytest.approx(11, abs=1e-3)
    with torch.no_grad():
        module.weight.fill_(21)
    average.update(module)
    assert average.state["weight"].item() == pytest.approx(12, abs=1e-2)
    assert module.weight.item() == 21


def test_log_replaces_what_is_repeated(tmp_path):
    path = tmp_path / "log.csv"
    for epoch, score in ((1, 0.1), (2, 0.2), (3, 0.3), (2, 0.25)):
        append_row(path, {"epoch": epoch, "score": score})
    assert path.read_text().split() == ["epoch,score", "1,0.1", "2,0.25"]
    append_row(path, {"epoch": 3, "score": 0.4, "auc": 0.9})
    assert path.read_text().split()[0] == "epoch,score,auc" and path.read_text().split()[-1] == "3,0.4,0.9"
    assert [p.name for p in tmp_path.iterdir()] == ["log.csv"]


def test_state_comes_back_only_to_the_same_settings(tmp_path):
    path, settings = tmp_path / "state.pt", {"epochs": 2, "network": {"d_model": 8}, "corpora": ["a"]}
    assert load_state(path, settings) is None
    save_state(path, {"settings": settings, "epoch": 1, "network": {"w": torch.arange(3)}})
    state = load_state(path, settings)
    assert state["epoch"] == 1 and torch.equal(state["network"]["w"], torch.arange(3))
    with pytest.raises(UsageError, match=r"epochs 2 -> 4.*another folder"):
        load_state(path, {**settings, "epochs": 4})
    with pytest.raises(UsageError, match="batch None -> 4"):
        load_state(path, {**settings, "batch": 4})
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]


@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_damaged_state_is_named(tmp_path, content):
    path = tmp_path / "state.pt"
    save_state(path, {"settings": {}, "w": torch.arange(3000)})
    path.write_bytes(path.read_bytes()[:600] if content is None else content)
    with pytest.raises(InputError) as error:
        load_state(path, {})
    assert str(path) in str(error.value) and "delete it" in str(error.value) and "\n" not in str(error.value)


def test_a_run_takes_no_folder_with_results_of_somebody_else(tmp_path):
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(UsageError, match=r"checkpoint was not made by a run in this folder.*another --out"):
        open_run(tmp_path, {"epochs": 2})
    (tmp_path / "checkpoint").rmdir()
    assert open_run(tmp_path, {"epochs": 3}) is None
    assert open_run(tmp_path, {"epochs": 2}) is None  # nothing was made yet: it may begin in another way
    (tmp_path / "checkpoint").mkdir()  # killed before the first state
    assert open_run(tmp_path, {"epochs": 2}) is None
    with pytest.raises(UsageError, match=r"other settings \(epochs 2 -> 3\)"):
        open_run(tmp_path, {"epochs": 3})


def test_a_run_goes_on_with_its_data_only(tmp_path):
    data = f"{DATA} corpus emodb"
    open_run(tmp_path, {"epochs": 2, data: "abc"})
    save_state(tmp_path / "state.pt", {"settings": {"epochs": 2, data: "abc"}})
    assert open_run(tmp_path, {"epochs": 2, data: "abc"}) is not None
    with pytest.raises(UsageError, match=r"other settings \(data of corpus emodb\)"):
        open_run(tmp_path, {"epochs": 2, data: "abd"})
    (tmp_path / "run.json").unlink()
    save_state(tmp_path / "state.pt", {"settings": {"epochs": 2}})  # of a version that did not look at data
    assert open_run(tmp_path, {"epochs": 2, data: "abd"}) is not None
