"""The end of a training run: averaged weights, the preset folder, plots of the metrics."""

from ..data.training_batches import training_batches
from ..metrics.plots import save_history
from ..zoo import saving
from . import recipes
from .loop import Run
from .workdir import naming, read_log
from .workers import check_workers_agree


def finish(run: Run) -> None:
    """Copies the averaged weights into the given model and writes the preset.

    Raises:
      OSError: a file cannot be written.
    """
    prepared, model, settings = run.prepared, run.prepared.model, run.prepared.settings
    run.trained.use_averages()
    run.trained.finish_training(training_batches(prepared.dataset, settings.batch_size, settings.seed))
    if run.trained is not model:
        model.set_weights(run.trained.get_weights())
    if prepared.is_chief:
        preset = run.workdir / "preset"
        model.save_to_preset(preset, prepared.metadata)
        recipes.write(prepared.recipe, preset / "recipe.json")
        saving.update_metadata(preset, {}, files=["recipe.json"])
        with naming(run.workdir / "curves.png"):
            save_history(read_log(run.workdir / "metrics.jsonl"), run.workdir / "curves.png")
    check_workers_agree(prepared.strategy, settings.steps)  # a worker that exits early would abort the others
