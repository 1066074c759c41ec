"""The stations by the verbs that run them; to add a station, add one module and one line here."""

from __future__ import annotations

# verb: (module with `run`, its configuration model, help), for commands that take only a configuration
CONFIG_ONLY_VERBS = {
    "join": (
        "factory.release.join",
        "JoinConfig",
        "Make one corpus of several, such as a protocol's training data sets.",
    ),
    "fit-style": ("factory.train.recipes.style", "FitStyleConfig", "Fit the style encoder (Ray Train)."),
    "fit-generator": (
        "factory.train.recipes.generator",
        "FitGeneratorConfig",
        "Fit the diffusion generator (Ray Train).",
    ),
    "fit-student": (
        "factory.train.recipes.student",
        "FitStudentConfig",
        "Fit a student that makes a generator's spoofs in one network call (Ray Train).",
    ),
    "fit-dsdg": (
        "factory.train.recipes.dsdg",
        "FitDsdgConfig",
        "Fit DSDG, a generator of new people, live and spoof (Ray Train).",
    ),
    "fit-classifier": (
        "factory.train.recipes.classifier",
        "FitClassifierConfig",
        "Fit a spoof classifier (Ray Train).",
    ),
    "fit-judge": (
        "factory.train.recipes.judge",
        "FitJudgeConfig",
        "Fit a judge of style, on other people (Ray Train).",
    ),
    "strength": ("factory.strength", "StrengthConfig", "Measure how T0 and w change spoof strength and identity."),
    "calibrate": (
        "factory.calibrate",
        "CalibrateConfig",
        "Find match, T0 and w of every style on held-out people, as YAML for generate.",
    ),
    "tune": ("factory.tune", "TuneConfig", "Search margins, ranges of T0 and w, batches (Ray Tune)."),
    "probe": (
        "factory.generate.probe",
        "ProbeConfig",
        "Try batch sizes of a generator on this machine; writes nothing.",
    ),
    "play": (
        "factory.play",
        "PlayConfig",
        "Serve a page on this machine that makes one spoof at a time (Gradio); needs no settings.",
    ),
    "audit": (
        "factory.audit",
        "AuditConfig",
        "Measure a generated corpus and say which rows to leave out (Ray Data).",
    ),
    "report": ("factory.report", "ReportConfig", "Write one self-contained HTML page about a run."),
    "pipeline": (
        "factory.pipeline",
        "PipelineConfig",
        "Run all stations, from photographs to report; finished ones are skipped.",
    ),
}

# verb: (module with `run`, its configuration model), for every command that needs only `--config`
VERBS = {
    **{verb: (module, model) for verb, (module, model, _) in CONFIG_ONLY_VERBS.items()},
    "prepare": ("factory.prepare", "PrepareConfig"),
    "world": ("factory.world", "WorldConfig"),
    "generate": ("factory.generate", "GenerateConfig"),
    "annotate": ("factory.annotate", "AnnotateConfig"),
    "evaluate": ("factory.evaluate", "EvaluateConfig"),
    "ablate": ("factory.ablate", "AblateConfig"),
    "benchmark": ("factory.benchmark", "BenchmarkConfig"),
    "release": ("factory.release", "ReleaseConfig"),
}


def configuration_of(verb: str) -> tuple[str, str] | None:
    """(Module, model) of the configuration that a verb reads, or None; `plan` reads that of `generate`."""
    return VERBS.get("generate" if verb == "plan" else verb)
