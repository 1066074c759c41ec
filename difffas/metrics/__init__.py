"""Presentation attack detection metrics (ISO/IEC 30107-3 names); every result names its threshold.

Scores are higher for bona fide faces; labels are 0 live, 1 spoof. A face is accepted as live if score >= threshold;
equal scores are always decided alike. Rates are fractions of 1. The field calls three things HTER that differ in
where the threshold comes from, so results here never use the bare name "hter".
"""

from __future__ import annotations

from difffas.metrics.bootstrap import intervals
from difffas.metrics.curves import (
    apcer_threshold,
    auc,
    bpcer_threshold,
    d_eer,
    det_curve,
    eer_threshold,
    roc_curve,
    tpr_at_fpr,
)
from difffas.metrics.document import Interval, Metrics
from difffas.metrics.rates import ScoreSet, acer, apcer, bpcer, hter
from difffas.metrics.summary import report

__all__ = [
    "Interval",
    "Metrics",
    "ScoreSet",
    "acer",
    "apcer",
    "apcer_threshold",
    "auc",
    "bpcer",
    "bpcer_threshold",
    "d_eer",
    "det_curve",
    "eer_threshold",
    "hter",
    "intervals",
    "report",
    "roc_curve",
    "tpr_at_fpr",
]
