#!/usr/bin/env python3
"""Records tests/data/search/curves.json: 100 small networks trained on scikit-learn's digits, 64 epochs each.

    learning_curves.py > tests/data/search/curves.json

One hidden layer, plain SGD or Adam, batches of 64; learning rate, weight decay, width and momentum drawn at random as a
sweep would. Kept is the loss on held-out pictures after every epoch, four decimals; null where it is not a number.
"""
import json
import math
import sys
import warnings

import numpy as np
import sklearn
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

TRIALS, EPOCHS = 100, 64

warnings.filterwarnings("ignore")
x, y = load_digits(return_X_y=True)
x_train, x_held, y_train, y_held = train_test_split(x / 16.0, y, test_size=0.4, random_state=0, stratify=y)
rng = np.random.default_rng(5)
curves = []
for trial in range(TRIALS):
    model = MLPClassifier(hidden_layer_sizes=(int(round(math.exp(rng.uniform(math.log(4), math.log(128))))),), solver=str(rng.choice(["sgd", "adam"])),
                          learning_rate_init=float(math.exp(rng.uniform(math.log(1e-4), math.log(1.0)))), alpha=float(math.exp(rng.uniform(math.log(1e-6), math.log(1.0)))),
                          momentum=float(rng.uniform(0, 0.99)), nesterovs_momentum=False, batch_size=64, random_state=trial)
    curve = []
    order = np.random.default_rng(trial)
    for epoch in range(EPOCHS):
        if not curve or curve[-1] is not None:
            shuffled = order.permutation(len(x_train))
            try:
                model.partial_fit(x_train[shuffled], y_train[shuffled], classes=np.arange(10))
                loss = float(log_loss(y_held, np.clip(model.predict_proba(x_held), 1e-7, 1)))
            except ValueError:
                loss = math.nan
            curve.append(round(loss, 4) if math.isfinite(loss) else None)
        else:
            curve.append(None)
    curves.append(curve)
json.dump({"scikit-learn": sklearn.__version__, "curves": curves}, sys.stdout, separators=(",", ":"))
print()
