"""MLflow: one run per training run, at the tracking server that MLflow is set to, else in DIR/mlflow.db."""

import math
import os
from importlib import import_module
from typing import Any, ClassVar

from auxin.loggers.base import RunLogger, scalars
from auxin.records.results import RunResult


class MLflow(RunLogger):
    """Settings as parameters, and the scalars of every epoch as metrics, through `mlflow.tracking.MlflowClient`.

    The environment variable MLFLOW_TRACKING_URI sets the server. Show a local database with
    `mlflow ui --backend-store-uri sqlite:///DIR/mlflow.db`.
    """

    package: ClassVar[str] = "mlflow"

    def log(self, run: RunResult, name: str) -> None:
        """Write one run of the experiment `auxin`."""
        mlflow: Any = import_module("mlflow")
        local = f"sqlite:///{(self.folder / 'mlflow.db').resolve()}"
        client = mlflow.MlflowClient(os.environ.get("MLFLOW_TRACKING_URI", local))
        known = client.get_experiment_by_name("auxin")
        experiment = known.experiment_id if known else client.create_experiment("auxin")
        made = client.create_run(experiment, run_name=name).info.run_id
        for key, value in {"method": run.method, "seed": run.seed, **run.settings}.items():
            client.log_param(made, key, value)
        for step, epoch in enumerate(run.epochs, start=1):
            for key, value in scalars(epoch):
                if math.isfinite(value):
                    client.log_metric(made, key, value, step=step)
        client.set_terminated(made)
