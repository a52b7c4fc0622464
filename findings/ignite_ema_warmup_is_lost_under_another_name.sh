#!/usr/bin/env bash
# pytorch-ignite 0.5.5 with torch 2.13.0: EMAHandler(momentum=..., momentum_warmup=..., warmup_iters=...), attached with a name of its own. Its
# documentation asks for a unique name where a trainer has several averages (two teachers).
#
# Guess, written before the run: the momentum goes from momentum_warmup to momentum under any name.
# Seen: the warm-up goes to the attribute "ema_momentum", whatever the name is; the average reads the attribute of its name, which stays at the
# final momentum from the first iteration. So a teacher with a name has no warm-up. Under the default name there is one. No warning is given.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "pytorch-ignite==0.5.5"
"$folder/env/bin/python" -W ignore - <<'PY'
import ignite
import torch
from ignite.engine import Engine, Events
from ignite.handlers import EMAHandler
from torch import nn

def run(name):
    student = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        student.weight.fill_(0.0)

    def step(engine, batch):
        with torch.no_grad():
            student.weight.fill_(1.0)

    trainer, momenta, averages = Engine(step), [], []
    teacher = EMAHandler(student, momentum=0.001, momentum_warmup=0.5, warmup_iters=5)
    teacher.attach(trainer, name=name)

    @trainer.on(Events.ITERATION_COMPLETED)
    def note(engine):
        momenta.append(round(getattr(engine.state, name), 4))
        averages.append(round(float(teacher.ema_model.weight), 4))

    trainer.run(range(7))
    return momenta, averages

print(f"pytorch-ignite {ignite.__version__}: momentum 0.5 to 0.001 in five iterations, the student's weight 0, then 1")
default, named = run("ema_momentum"), run("first_teacher")
print(f"  attached as ema_momentum: momenta {default[0]}, average {default[1]}")
print(f"  attached as first_teacher: momenta {named[0]}, average {named[1]}")
raise SystemExit(0 if default[0][0] == 0.5 and default[1][-1] > 0.7 and set(named[0]) == {0.001} and named[1][-1] < 0.01 else 1)
PY
