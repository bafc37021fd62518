"""Time each score against the plain numpy and scikit-learn formula, side by side in one run.

    python packages/unweave-metrics/benchmarks/ratios.py [--only mig,sap] [--full]

10,000 x 10 codes and the factor sizes of dSprites. Each line: seconds of the plain formula, ours,
ratio, the ratio wanted, and the difference of the two values where they must agree. The reference's
boosting is timed for two rounds and scaled to its hundred, or with --full in full: five minutes.
"""

# ruff: noqa: ANN001, ANN201, ANN202
import argparse
import resource
import time

import numpy as np

import unweave_metrics as um

SIZES = (3, 6, 40, 32, 32)


def problem(n, seed=0):
    """Return codes (n, 10), half of them factors with noise, and factors (n, 5)."""
    rng = np.random.default_rng(seed)
    factors = np.stack([rng.integers(0, size, n) for size in SIZES], axis=1)
    signal = (factors / np.array(SIZES) - 0.5) * 3.4
    noise = rng.normal(size=(n, 5))
    return np.hstack([signal + 0.1 * rng.normal(size=signal.shape), noise]), factors


def plain_information(codes, factors, bins=20):
    """Return information (d, k) and entropies (k,) with numpy and scikit-learn."""
    from sklearn.metrics import mutual_info_score

    binned = [np.digitize(z, np.histogram(z, bins)[1][:-1]) for z in codes.T]
    table = np.array([[mutual_info_score(y, z) for y in factors.T] for z in binned])
    return table, np.array([mutual_info_score(y, y) for y in factors.T])


def plain_mig(codes, factors):
    """Return MIG."""
    table, entropy = plain_information(codes, factors)
    ordered = np.sort(table, axis=0)
    return np.mean((ordered[-1] - ordered[-2]) / entropy)


def plain_sap(train, test):
    """Return SAP with LinearSVC."""
    from sklearn.svm import LinearSVC

    scores = np.zeros((train[0].shape[1], train[1].shape[1]))
    for i in range(scores.shape[0]):
        for k in range(scores.shape[1]):
            model = LinearSVC(C=0.01, class_weight="balanced")
            model.fit(train[0][:, [i]], train[1][:, k])
            scores[i, k] = (model.predict(test[0][:, [i]]) == test[1][:, k]).mean()
    ordered = np.sort(scores, axis=0)
    return np.mean(ordered[-1] - ordered[-2])


def groups_of(factors):
    """Return, for each factor, the rows of each value."""
    return [[np.flatnonzero(y == v) for v in range(y.max() + 1)] for y in factors.T]


def plain_factor_vae(codes, factors, train=10_000, evaluate=5_000, batch=64, seed=0):
    """Return the FactorVAE score, vote by vote."""
    rng, groups = np.random.default_rng(seed), groups_of(factors)
    spread = codes.var(axis=0, ddof=1)
    tables = []
    for count in (train, evaluate):
        table = np.zeros((codes.shape[1], factors.shape[1]), dtype=int)
        for _ in range(count):
            k = rng.integers(factors.shape[1])
            rows = groups[k][factors[rng.integers(len(codes)), k]]
            sample = codes[rows[rng.integers(0, len(rows), batch)]]
            table[np.argmin(np.var(sample, axis=0, ddof=1) / spread), k] += 1
        tables.append(table)
    guess = tables[0].argmax(axis=1)
    return tables[1][np.arange(len(guess)), guess].sum() / tables[1].sum()


def plain_beta_vae(codes, factors, train=10_000, evaluate=5_000, batch=64, seed=0):
    """Return the beta-VAE score, point by point."""
    import warnings

    from sklearn.linear_model import LogisticRegression

    rng, groups = np.random.default_rng(seed), groups_of(factors)
    points, labels = np.zeros((train + evaluate, codes.shape[1])), np.zeros(train + evaluate, int)
    for p in range(train + evaluate):
        k = labels[p] = rng.integers(factors.shape[1])
        first = rng.integers(0, len(codes), batch)
        places = rng.random(batch)
        second = [
            groups[k][v][int(u * len(groups[k][v]))]
            for v, u in zip(factors[first, k], places, strict=True)
        ]
        points[p] = np.abs(codes[first] - codes[second]).mean(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression().fit(points[:train], labels[:train])
    return (model.predict(points[train:]) == labels[train:]).mean()


def plain_irs(codes, factors, quantile=0.99):
    """Return IRS, value by value."""
    factors = np.stack([np.digitize(y, np.histogram(y, 20)[1][:-1]) for y in factors.T], axis=1)
    largest = np.abs(codes - codes.mean(axis=0)).max(axis=0)
    moved = np.zeros((codes.shape[1], factors.shape[1]))
    for k in range(factors.shape[1]):
        values = np.unique(factors[:, k])
        for v in values:
            rows = codes[factors[:, k] == v]
            moved[:, k] += np.quantile(np.abs(rows - rows.mean(axis=0)), quantile, axis=0)
        moved[:, k] /= len(values)
    return np.average((1 - moved / largest[:, None]).max(axis=1), weights=largest)


def plain_udr(models):
    """Return the mean UDR by Spearman correlation, pair by pair."""
    from scipy.stats import spearmanr

    m, d = len(models), models[0].shape[1]
    pairwise = np.zeros((m, m))
    for i in range(m):
        for j in range(m):
            if i != j:
                matrix = np.abs([
                    [spearmanr(models[i][:, a], models[j][:, b])[0] for b in range(d)]
                    for a in range(d)
                ])  # fmt: skip
                halves = [(matrix.max(axis=x) ** 2 / matrix.sum(axis=x)).mean() for x in (0, 1)]
                pairwise[i, j] = np.mean(halves)
    return np.mean([np.median(np.delete(pairwise[:, j], j)) for j in range(m)])


def seconds(function, repeats=3):
    """Return the median time of a call and its last result."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return float(np.median(times)), result


def line(name, plain, ours, target, same=None):
    """Print one comparison."""
    ratio = plain[0] / ours[0]
    gap = "" if same is None else f"  difference {abs(float(plain[1]) - float(ours[1])):.1e}"
    print(f"{name:24} {plain[0]:9.4f} s {ours[0]:9.4f} s {ratio:8.1f} x  wanted {target}{gap}")


def boosting(train, test, rounds):
    """Print the ratio of DCI; of the plain one some of its 100 rounds are timed, and scaled."""
    from sklearn.ensemble import GradientBoostingClassifier

    ours = seconds(lambda: um.dci(*train, test_codes=test[0], test_factors=test[1], jobs=-1), 1)

    def plain():
        for y in train[1].T:
            GradientBoostingClassifier(n_estimators=rounds, random_state=0).fit(train[0], y)

    once = seconds(plain, 1)
    line(
        "dci" if rounds == 100 else f"dci ({rounds} rounds scaled)",
        (once[0] * 100 / rounds, 0),
        ours,
        30,
    )


def main():
    """Run the comparisons that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--boosting-rounds", type=int, default=2)
    parser.add_argument("--full", action="store_true")
    arguments = parser.parse_args()
    selection = set(arguments.only.split(",")) - {""}
    train, test = problem(10_000), problem(5_000, seed=1)
    few = (train[0][:300], train[1][:300])

    def is_selected(name):
        return not selection or name in selection

    if is_selected("mig"):
        um.mig(*few)
        ours = seconds(lambda: um.mig(*train), 9)
        line("mig", seconds(lambda: plain_mig(*train)), ours, 50, same=True)
        names = ["modularity", "jemmig", "mig_sup", "dcimig"]
        four = seconds(lambda: um.scores_of(um.information_table(*train), names), 9)
        print(f"{'four others / mig':24} {four[0] / ours[0]:9.2f}    wanted at most 1.5")
    if is_selected("factor_vae"):
        um.factor_vae(*few)
        line("factor_vae", seconds(lambda: plain_factor_vae(*train), 1),
             seconds(lambda: um.factor_vae(*train)), 20)  # fmt: skip
    if is_selected("beta_vae"):
        um.beta_vae(*few, train_points=100)
        line("beta_vae", seconds(lambda: plain_beta_vae(*train), 1),
             seconds(lambda: um.beta_vae(*train)), 5)  # fmt: skip
    if is_selected("irs"):
        um.irs(*few)
        line("irs", seconds(lambda: plain_irs(*train)), seconds(lambda: um.irs(*train), 5), 3, True)
    if is_selected("sap"):
        um.sap(*few)
        line("sap", seconds(lambda: plain_sap(train, test), 1),
             seconds(lambda: um.sap(*train, test_codes=test[0], test_factors=test[1])), 10, True,
        )  # fmt: skip
    if is_selected("udr"):
        models = [np.random.default_rng(s).permuted(train[0], axis=1) for s in range(5)]
        um.udr([few[0], few[0]], correlation="spearman")
        line("udr spearman", seconds(lambda: plain_udr(models), 1),
             seconds(lambda: um.udr(models, correlation="spearman")), 10, True)  # fmt: skip
    if is_selected("bootstrap"):
        options = {"metrics": ["mig"], "bootstrap": 1000}
        duration, _ = seconds(lambda: um.evaluate(*train, **options), 1)
        print(f"{'bootstrap, 1,000 migs':24} {duration:9.2f} s    wanted at most 2")
    if is_selected("whole"):
        codes, factors = problem(737_280)
        codes = codes.astype(np.float32)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        duration, _ = seconds(lambda: um.mig(codes, factors), 3)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        share = grown / (codes.nbytes + factors.nbytes)
        print(f"{'mig of 737,280 rows':24} {duration:9.2f} s    wanted at most 0.5; "
              f"memory above the input {share:.2f} x the input")  # fmt: skip
    if is_selected("dci"):
        um.dci(*few)
        boosting(train, test, 100 if arguments.full else arguments.boosting_rounds)


if __name__ == "__main__":
    main()
