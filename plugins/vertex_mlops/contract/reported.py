"""Properties of a job's artifacts, by which the pipeline reports on a model to the DAG."""

from __future__ import annotations

# of the metrics artifact; its other properties are metrics
VERDICT = "verdict"
REASON = "reason"
EVIDENCE = "evidence"
CHAMPION_VERSION = "champion_version"
MODEL_URI = "model_uri"
KNOWN_ANSWERS = "known_answers"
# of the model card: gs:// URI of the page
CARD_PAGE = "page"

# what the names of the metrics begin with that are those of what the model was compared with
CHAMPION_PREFIX = "champion_"
# a baseline that always predicts the majority, with which a first model is compared
MAJORITY_PREFIX = "baseline_"

# values of the verdict
BLESSED = "blessed"
NOT_BLESSED = "not blessed"
# too few rows tell anything
NOT_JUDGED = "not judged"
