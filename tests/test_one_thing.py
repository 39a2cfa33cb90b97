"""One type for one thing: one motion, one training loop, one progress; models are asked through their protocol."""

import ast

from tests.modules import MODULES, syntax

MODELS = {"model", "models", "network", "checkpoint", "encoder", "diarizer", "animator", "animator_encoder"}


def classes() -> list[tuple[str, ast.ClassDef]]:
    """All classes of the package with the modules that they are in."""
    return [(module, node) for module in MODULES for node in ast.walk(syntax(module)) if isinstance(node, ast.ClassDef)]


def test_one_motion():
    """A face that moves has a head, a frame rate and what moves it; one class knows them together."""
    moving = []
    for module, node in classes():
        fields = {item.target.id for item in node.body if isinstance(item, ast.AnnAssign)}
        fields |= {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
        if {"head", "fps"} <= fields and fields & {"weights", "vertices", "stream"}:
            moving.append((module.split(".")[1], node.name))
    assert moving == [("motion", "Motion")]
    assert [module.split(".")[1] for module, node in classes() if node.name == "Motion"] == ["motion"]


def asked(node: ast.AST) -> str:
    """The last word of what an expression names: `animator` of `self.animator`."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def callers(function: str) -> set[str]:
    """Modules that call a function or a method of this name."""
    return {
        module
        for module in MODULES
        for node in ast.walk(syntax(module))
        if isinstance(node, ast.Call) and asked(node.func) == function
    }


def test_one_training_loop():
    """One module follows the gradient and keeps the state of a run; what is trained is a job of its loop.

    The small layers of the diarizer that are fitted to stored summaries of recordings, and the animator's probe for
    sounds, which is one linear layer on stored features, take seconds and are no runs.
    """
    loop = "sedtalker_cli.training.loop"
    assert callers("save_state") == {loop}
    fitted = {f"sedtalker_cli.training.diarizer.{name}" for name in ("statistics", "speech", "shares")}
    fitted.add("sedtalker_cli.training.animator.paths")
    assert callers("backward") - fitted == {loop}


def test_one_progress():
    """`progress.Progress`, and no other class or alias that ends in this word."""
    named = [f"{module}.{node.name}" for module, node in classes() if node.name.endswith("Progress")]
    for module in MODULES:
        named += [
            f"{module}.{target.id}"
            for node in syntax(module).body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id.endswith("Progress")
        ]
    assert named == ["sedtalker_cli.progress.Progress"]


def test_models_are_not_felt_out():
    """Nobody asks a model what it has: a model is a `Checkpoint` and says so by its kind."""
    felt = [
        f"{module}:{node.lineno}"
        for module in MODULES
        for node in ast.walk(syntax(module))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("hasattr", "getattr")
        and asked(node.args[0]) in MODELS
    ]
    assert not felt
