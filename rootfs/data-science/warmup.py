# Run once in the zygote, after the imports; "# %%" starts a new cell. Nothing of it stays in a
# context's namespace: what stays is what it loaded on the way (lazy imports, the font list,
# compiled expressions), so that the first cells of a context do not pay for it.
import io, json, random, subprocess

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

frame = pd.DataFrame({"a": np.arange(60) % 7, "b": np.linspace(0, 1, 60), "c": list("xyz") * 20})
frame.describe()
# %%
frame.groupby("c").agg({"a": "sum", "b": ["mean", "std"]})
# %%
merged = frame.merge(frame.drop_duplicates("c"), on="c").sort_values(["c", "b_x"])
merged.pivot_table(index="c", values="b_x")
# %%
print(frame.head())
pd.read_csv(io.StringIO(frame.to_csv(index=False))).dtypes
# %%
json.loads(frame.head(3).to_json())
pd.date_range("2024-01-01", periods=3).to_series().dt.month
# %%
figure, axes = plt.subplots(1, 2)
axes[0].plot(frame["b"], label="line")
axes[0].legend()
axes[0].set_title("Warm $x^2$")
axes[1].hist(frame["a"])
plt.tight_layout()
figure.savefig(io.BytesIO())
plt.show()
# %%
frame.plot(x="b", y="a", kind="scatter")
# %%
np.linalg.svd(np.random.default_rng(0).normal(size=(8, 8)))
np.dot(np.ones((32, 32)), np.ones((32, 32))).sum()
# %%
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

data = load_iris(as_frame=True)
train_x, test_x, train_y, test_y = train_test_split(data.data, data.target, random_state=0)
model = RandomForestClassifier(n_estimators=5, random_state=0).fit(train_x, train_y)
accuracy_score(test_y, model.predict(test_x))
# %%
pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(train_x, train_y)
confusion_matrix(test_y, pipeline.predict(test_x))
# %%
LinearRegression().fit(train_x, train_y).score(test_x, test_y)
# %%
subprocess.run(["/bin/true"]).returncode
