# %% Load the data and look at it
# A small analysis, cell by cell, for `warren exec --cells --template data-science`: which of three
# growers does a wine come from? 178 wines with 13 measurements each, bundled with scikit-learn.
import os
import platform
import socket

from sklearn.datasets import load_wine

data = load_wine(as_frame=True)
wines = data.frame.assign(grower=data.target_names[data.target])
print(f"{len(wines)} wines, {data.data.shape[1]} measurements each")
who = f"uid {os.getuid()} on host {socket.gethostname()!r}"
print(f"computed by Python {platform.python_version()} as {who}")
wines.groupby("grower")[["alcohol", "malic_acid", "color_intensity", "proline"]].mean().round(2)

# %% Train a random forest on three quarters of them
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

train_x, test_x, train_y, test_y = train_test_split(
    data.data, data.target, test_size=0.25, stratify=data.target, random_state=0
)
forest = RandomForestClassifier(n_estimators=200, random_state=0).fit(train_x, train_y)
print(f"trained {len(forest.estimators_)} trees on {len(train_x)} wines")

# %% Ask it about the rest
import pandas as pd
from sklearn.metrics import accuracy_score, confusion_matrix

guess = forest.predict(test_x)
print(f"accuracy on {len(test_x)} unseen wines: {accuracy_score(test_y, guess):.3f}")
pd.DataFrame(
    confusion_matrix(test_y, guess),
    index=[f"is {name}" for name in data.target_names],
    columns=[f"said {name}" for name in data.target_names],
)

# %% Draw what it looks at
import matplotlib.pyplot as plt

weights = pd.Series(forest.feature_importances_, index=data.feature_names).sort_values()
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5))
left.barh(weights.index, weights, color="#7a1f3d")
left.set_title("What the forest looks at")
for name, group in wines.groupby("grower"):
    right.scatter(group["flavanoids"], group["color_intensity"], label=name, s=18)
right.set(xlabel="flavanoids", ylabel="color intensity", title="The growers by two of these")
right.legend()
figure.tight_layout()
