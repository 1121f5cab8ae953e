"""The other half of the model: extremely randomized trees, grown by scikit-learn and served as a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from sklearn.ensemble import ExtraTreesClassifier  # type: ignore[import-untyped]

from wine_pipeline.config import TrainingConfig

# scikit-learn's mark of a leaf
_NO_CHILD = -1
# asked before the wines that have reached their leaves are left out
_QUESTIONS = 8


@dataclass(frozen=True)
class Forest:
    """
    Trees as tables: one line for each node that asks a question, the lines of a tree next to each other.

    A child that asks is its line within its tree; one that is a leaf is -1 minus its distribution's number.

    :param columns: [nodes] uint8 or uint16, the column that is compared.
    :param thresholds: [nodes] float32, up to which a wine goes to the left.
    :param children: [2 * nodes] int16 or int32, the left one and the right one of each node.
    :param first: [trees] int32, line of each tree's root.
    :param roots: [trees] int32, 0 or, where a tree is a single leaf, that leaf.
    :param distributions: [distinct, grades] float32 of the leaves.
    :param depth: questions on the longest way to a leaf.
    """

    columns: np.ndarray
    thresholds: np.ndarray
    children: np.ndarray
    first: np.ndarray
    roots: np.ndarray
    distributions: np.ndarray
    depth: int


def grow_trees(config: TrainingConfig, rows: np.ndarray, indices: np.ndarray) -> TreesHead:
    """
    Return the mean of several groups of trees, each of which sees the rows and a rotation of them.

    A tree splits along one column at a time; along rotated ones it finds what columns say together.

    .. seealso:: Geurts et al. 2006, Extremely randomized trees, https://doi.org/10.1007/s10994-006-6226-1;
        Blaser and Fryzlewicz 2016, Random rotation ensembles, https://jmlr.org/papers/v17/blaser16a.html

    :param config: number of groups and of trees, and the seed.
    :param rows: [rows, columns] float32.
    :param indices: [rows] number of each row's grade.
    """
    rotations = random_rotations(config, rows.shape[1])
    if len(rows) > config.tree_rows:
        chosen = np.random.default_rng(config.seed).permutation(len(rows))[: config.tree_rows]
        rows, indices = rows[chosen], indices[chosen]
    classifiers = [
        ExtraTreesClassifier(
            config.trees_per_rotation,
            max_features=config.split_columns,
            # Not in all groups at once: one more row is no other model.
            min_samples_leaf=max(1, int(len(rows) / config.leaves + number / config.rotations)),
            # Threads: the trees are the same with any number of them.
            n_jobs=-1,
            random_state=config.seed + number,
        ).fit(rotated(rows, rotation), indices)
        for number, rotation in enumerate(rotations)
    ]
    return TreesHead(rotations, forest_of(classifiers))


def random_rotations(config: TrainingConfig, size: int) -> np.ndarray:
    """
    Return orthogonal matrices, [rotations, size, size] float64.

    :param config: how many, and their seed.
    :param size: number of columns.
    """
    random = np.random.default_rng(config.seed)
    return np.stack([np.linalg.qr(random.normal(size=(size, size)))[0] for _ in range(config.rotations)])


def rotated(rows: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """
    Return the rows, and next to them their rotation, as the graph computes it.

    :param rows: [rows, columns] float32.
    :param rotation: [columns, columns] float64.
    """
    return np.hstack([rows, (rows.astype(np.float64) @ rotation).astype(np.float32)])


def forest_of(classifiers: Sequence[ExtraTreesClassifier]) -> Forest:
    """
    Write trees as tables.

    The columns are those that all groups see, then the rotated ones of the first group, of the second, ...

    :param classifiers: one for each rotation, trained on :func:`rotated` rows.
    """
    own = classifiers[0].n_features_in_ // 2
    groups = [(number, one.tree_) for number, group in enumerate(classifiers) for one in group.estimators_]
    asking = [tree.children_left != _NO_CHILD for _, tree in groups]
    # scikit-learn has [nodes, outputs, grades], with one output
    leaves = np.concatenate([tree.value[~asks, 0] for (_, tree), asks in zip(groups, asking, strict=True)])
    leaves = (leaves / leaves.sum(axis=1, keepdims=True)).astype(np.float32)
    # Nearly all leaves hold a single grade: the sort for unique ones would take seconds.
    mixed = leaves.max(axis=1) < 1
    uncommon, which = np.unique(leaves[mixed], axis=0, return_inverse=True)
    distributions = np.concatenate([np.eye(leaves.shape[1], dtype=np.float32), uncommon])
    number = leaves.argmax(axis=1)
    number[mixed] = leaves.shape[1] + which.ravel()
    numbers = np.split(number, np.cumsum([(~asks).sum() for asks in asking])[:-1])
    columns, thresholds, children, roots = [], [], [], []
    for (group, tree), asks, leaf_numbers in zip(groups, asking, numbers, strict=True):
        code = np.where(asks, np.cumsum(asks) - 1, 0)
        code[~asks] = -1 - leaf_numbers
        column = tree.feature[asks]
        columns.append(np.where(column < own, column, column + group * own))
        thresholds.append(rounded_down(tree.threshold[asks]))
        children.append(np.stack([code[tree.children_left[asks]], code[tree.children_right[asks]]], axis=1))
        roots.append(code[0])
    lines = np.array([len(one) for one in thresholds])
    first = (np.cumsum(lines) - lines).clip(max=max(lines.sum() - 1, 0))
    table = np.concatenate(children).ravel()
    used = np.concatenate(columns)
    return Forest(
        columns=used.astype(np.uint8 if used.max(initial=0) < 2**8 else np.uint16),
        thresholds=np.concatenate(thresholds),
        children=table.astype(np.int16 if np.abs(table).max(initial=0) < 2**15 else np.int32),
        first=first.astype(np.int32),
        roots=np.array(roots, np.int32),
        distributions=distributions,
        depth=max(tree.max_depth for _, tree in groups),
    )


def rounded_down(thresholds: np.ndarray) -> np.ndarray:
    """
    Return the next single-precision number that is not above: single-precision wines fall on the same sides.

    .. seealso:: ``_apply_dense`` in sklearn/tree/_tree.pyx, which compares a float32 with a float64

    :param thresholds: float64.
    """
    single = thresholds.astype(np.float32)
    return np.where(single > thresholds, np.nextafter(single, np.float32(-np.inf)), single)


class TreesHead(keras.layers.Layer):
    """
    Gives the mean of the distributions of the leaves in which a wine ends.

    TensorFlow Serving knows no operations but TensorFlow's own: each step of a loop takes the wines that are
    in no leaf yet some questions further in every tree.

    :param rotations: [rotations, columns, columns] float64.
    :param forest: the trees.
    """

    def __init__(self, rotations: np.ndarray, forest: Forest) -> None:
        super().__init__(name="trees", trainable=False)
        self._depth = forest.depth
        self._rotations = self._table("rotations", np.concatenate(rotations, axis=1))
        self._columns = self._table("columns", forest.columns)
        self._thresholds = self._table("thresholds", forest.thresholds)
        self._children = self._table("children", forest.children)
        self._first = self._table("first", forest.first)
        self._roots = self._table("roots", forest.roots)
        self._distributions = self._table("distributions", forest.distributions)

    def call(self, wines: keras.KerasTensor) -> keras.KerasTensor:
        """
        Return the probabilities of the grades, [wines, grades].

        :param wines: [wines, columns], scaled.
        """
        # In double precision, for single precision would round as the batch is cut into blocks.
        turned = tf.matmul(tf.cast(wines, tf.float64), self._rotations.value)
        seen = tf.concat([wines, tf.cast(turned, tf.float32)], axis=1)
        trees = self._roots.shape[0]
        # flat: the first wine in each tree, the second one in each tree, ...
        places = tf.tile(self._roots.value, [tf.shape(wines)[0]])
        asked = tf.cast(tf.where(places >= 0)[:, 0], tf.int32)
        if self._depth:
            places, _ = tf.while_loop(
                lambda places, asked: tf.size(asked) > 0,
                lambda places, asked: self._go_on(seen, places, asked),
                (places, asked),
                shape_invariants=(tf.TensorShape([None]), tf.TensorShape([None])),
                maximum_iterations=-(-self._depth // _QUESTIONS),
            )
        leaves = tf.reshape(-1 - places, [-1, trees])
        return tf.reduce_mean(tf.gather(self._distributions.value, leaves), axis=1)

    def _go_on(self, seen: tf.Tensor, places: tf.Tensor, asked: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Ask the next questions; return all places, and which of them are still no leaves."""
        trees, columns = self._roots.shape[0], seen.shape[1]
        values = tf.reshape(seen, [-1])
        wine, first = asked // trees * columns, tf.gather(self._first.value, asked % trees)
        here = tf.gather(places, asked)
        for _ in range(_QUESTIONS):
            lines = first + tf.maximum(here, 0)
            column = tf.cast(tf.gather(self._columns.value, lines), tf.int32)
            right = tf.gather(values, wine + column) > tf.gather(self._thresholds.value, lines)
            child = tf.gather(self._children.value, 2 * lines + tf.cast(right, tf.int32))
            here = tf.where(here < 0, here, tf.cast(child, tf.int32))
        places = tf.tensor_scatter_nd_update(places, asked[:, tf.newaxis], here)
        return places, tf.boolean_mask(asked, here >= 0)

    def _table(self, name: str, value: np.ndarray) -> keras.Variable:
        # TensorFlow gathers from no empty table: trees of a single leaf have no line.
        value = value if len(value) else np.zeros((1, *value.shape[1:]), value.dtype)
        table = self.add_weight(
            name=name,
            shape=value.shape,
            dtype=value.dtype.name,
            initializer="zeros",
            trainable=False,
            autocast=False,
        )
        table.assign(value)
        return table
