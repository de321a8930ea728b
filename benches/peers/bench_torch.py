"""What a user would run instead: the same work in PyTorch, Captum, SHAP, Quantus and transformers.

    pip install -r benches/peers/requirements.txt
    python benches/peers/bench_torch.py [--threads 2] [--repeat 5] [--only SUBSTRING] > peers.json

Prints one JSON object: {"machine": …, "cases": {name: {"peer", "median_s", "min_s", "peak_rss_mib", "note"}}}.
Each case runs in a process of its own (so that peak memory is its own), after one warm-up.
The Rust benches carry the same names and the same sizes, so that ratios are of the same work.
"""
import argparse, importlib.metadata, json, os, platform, resource, statistics, subprocess, sys, time

CASES = {}
# Packages as people call them.
PEERS = {"captum": "Captum", "quantus": "Quantus", "shap": "shap", "scipy": "SciPy", "transformers": "transformers", "torch": "PyTorch"}


def case(note, package="torch"):
    def wrap(f):
        CASES[f.__name__] = (f, note, package)
        return f
    return wrap


def peer(package):
    version = importlib.metadata.version(package)
    return f"{PEERS[package]} {'.'.join(version.split('.')[:2])}"


def t(*shape, seed=0, scale=1.0, grad=False):
    import torch
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(*shape, generator=g) * scale
    return x.requires_grad_(grad)


def mlp(sizes, seed=0):
    import torch
    torch.manual_seed(seed)
    layers = []
    for a, b in zip(sizes[:-1], sizes[1:]):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1]).eval()


def cnn(seed=0):
    """1x28x28 -> conv3x3(32) relu conv3x3(64) relu maxpool2 flatten(9216) linear(128) relu linear(10)."""
    import torch
    torch.manual_seed(seed)
    n = torch.nn
    return n.Sequential(n.Conv2d(1, 32, 3), n.ReLU(), n.Conv2d(32, 64, 3), n.ReLU(), n.MaxPool2d(2), n.Flatten(),
                        n.Linear(9216, 128), n.ReLU(), n.Linear(128, 10)).eval()


# ---------------------------------------------------------------- objectives
@case("forward+backward, N=512 H=576 V=49152 f32, logits materialised")
def linear_cross_entropy():
    import torch
    x, w = t(512, 576, grad=True), t(49152, 576, seed=1, scale=0.02, grad=True)
    y = torch.randint(0, 49152, (512,), generator=torch.Generator().manual_seed(2))
    def run():
        x.grad = w.grad = None
        torch.nn.functional.cross_entropy(x @ w.T, y).backward()
    return run


@case("forward+backward of KL(teacher||student) at temperature 2, N=256 H=576 V=49152, both logits materialised; grads for student")
def linear_kl():
    import torch
    F = torch.nn.functional
    xs, ws = t(256, 576, grad=True), t(49152, 576, seed=1, scale=0.02, grad=True)
    xt, wt = t(256, 576, seed=2), t(49152, 576, seed=3, scale=0.02)
    def run():
        xs.grad = ws.grad = None
        with torch.no_grad():
            p = F.log_softmax(xt @ wt.T / 2, -1)
        (F.kl_div(F.log_softmax(xs @ ws.T / 2, -1), p, log_target=True, reduction="batchmean") * 4).backward()
    return run


@case("one SGD step of a log-softmax output layer, D=793471 d=128 batch=32 (the Z-loss paper's vocabulary)")
def softmax_output_layer_step():
    import torch
    w, h = t(793471, 128, scale=0.02, grad=True), t(32, 128, seed=1, grad=True)
    y = torch.randint(0, 793471, (32,), generator=torch.Generator().manual_seed(2))
    def run():
        w.grad = h.grad = None
        torch.nn.functional.cross_entropy(h @ w.T, y).backward()
        with torch.no_grad():
            w.sub_(w.grad, alpha=0.01)
    return run


@case("forward+backward, two views of 1024 x 128, temperature 0.1, SimCLR form")
def info_nce():
    import torch
    F = torch.nn.functional
    a, b = t(1024, 128, grad=True), t(1024, 128, seed=1, grad=True)
    def run():
        a.grad = b.grad = None
        z = F.normalize(torch.cat([a, b]), dim=1)
        s = z @ z.T / 0.1
        s.fill_diagonal_(float("-inf"))
        F.cross_entropy(s, torch.cat([torch.arange(1024, 2048), torch.arange(0, 1024)])).backward()
    return run


@case("forward+backward, logits 4096 x 1000, temperature 4 (Hinton)")
def hinton_kd():
    import torch
    F = torch.nn.functional
    s, te = t(4096, 1000, grad=True), t(4096, 1000, seed=1)
    def run():
        s.grad = None
        (F.kl_div(F.log_softmax(s / 4, 1), F.softmax(te / 4, 1), reduction="batchmean") * 16).backward()
    return run


@case("forward+backward, logits 4096 x 1000, temperature 4, alpha 1, beta 8 (decoupled distillation)")
def dkd():
    import torch
    F = torch.nn.functional
    s, te = t(4096, 1000, grad=True), t(4096, 1000, seed=1)
    y = torch.arange(4096) % 1000
    own = F.one_hot(y, 1000).bool()
    def pair(p):
        p_y = p.gather(1, y[:, None])
        return torch.cat([p_y, p.masked_fill(own, 0).sum(1, keepdim=True)], 1)
    def run():
        s.grad = None
        tckd = F.kl_div(pair(F.softmax(s / 4, 1)).log(), pair(F.softmax(te / 4, 1)), reduction="batchmean")
        others = [(x / 4).masked_fill(own, -1e9) for x in (s, te)]
        nckd = F.kl_div(F.log_softmax(others[0], 1), F.softmax(others[1], 1), reduction="batchmean")
        ((tckd + 8 * nckd) * 16).backward()
    return run


# ---------------------------------------------------------------- explainers
@case("Captum IntegratedGradients, CNN 28x28, batch 16, 50 Gauss-Legendre steps, internal_batch_size 64", "captum")
def integrated_gradients():
    import torch
    from captum.attr import IntegratedGradients
    m, x = cnn(), t(16, 1, 28, 28, seed=1)
    ig, y = IntegratedGradients(m), torch.arange(16) % 10
    return lambda: ig.attribute(x, target=y, n_steps=50, internal_batch_size=64)


@case("Captum NoiseTunnel SmoothGrad of Saliency, CNN 28x28, batch 16, 50 draws, 4 draws a pass", "captum")
def smooth_grad():
    import torch
    from captum.attr import NoiseTunnel, Saliency
    m, x, y = cnn(), t(16, 1, 28, 28, seed=1), torch.arange(16) % 10
    nt = NoiseTunnel(Saliency(m))
    return lambda: nt.attribute(x, nt_type="smoothgrad", nt_samples=50, nt_samples_batch_size=4, stdevs=0.1, target=y)


@case("Captum Occlusion, CNN 28x28, batch 16, window 4, stride 2, 8 perturbations a pass", "captum")
def occlusion():
    import torch
    from captum.attr import Occlusion
    m, x, y = cnn(), t(16, 1, 28, 28, seed=1), torch.arange(16) % 10
    oc = Occlusion(m)
    return lambda: oc.attribute(x, sliding_window_shapes=(1, 4, 4), strides=(1, 2, 2), target=y, perturbations_per_eval=8)


@case("Captum KernelShap, MLP 30-128-128-2, 10 instances one by one, 512 coalitions, 64 a pass", "captum")
def kernel_shap_captum():
    import torch
    from captum.attr import KernelShap
    m, x = mlp([30, 128, 128, 2]), t(10, 30, seed=1)
    ks = KernelShap(m)
    return lambda: [ks.attribute(x[i:i + 1], target=0, n_samples=512, perturbations_per_eval=64) for i in range(10)]


@case("shap.KernelExplainer, MLP 30-128-128-2, background 1 row, 10 instances, nsamples 512", "shap")
def kernel_shap_shap():
    import numpy as np, shap, torch
    m, x = mlp([30, 128, 128, 2]), t(10, 30, seed=1).numpy()
    f = lambda a: m(torch.from_numpy(np.asarray(a, dtype=np.float32))).detach().numpy()[:, 0]
    e = shap.KernelExplainer(f, np.zeros((1, 30), dtype=np.float32))
    return lambda: e.shap_values(x, nsamples=512, silent=True, l1_reg=False)


@case("Captum Lime, MLP 30-128-128-2, 10 instances one by one, 512 samples, 64 a pass, linear regression surrogate", "captum")
def lime():
    import torch
    from captum.attr import Lime
    from captum._utils.models.linear_model import SkLearnLinearRegression
    m, x = mlp([30, 128, 128, 2]), t(10, 30, seed=1)
    le = Lime(m, interpretable_model=SkLearnLinearRegression())
    return lambda: [le.attribute(x[i:i + 1], target=0, n_samples=512, perturbations_per_eval=64) for i in range(10)]


# ---------------------------------------------------------------- metrics of explanations
def _quantus(metric):
    import numpy as np
    m, x = cnn(), t(16, 1, 28, 28, seed=1).numpy()
    y, a = np.arange(16) % 10, t(16, 1, 28, 28, seed=2).numpy()
    return lambda: metric(model=m, x_batch=x, y_batch=y, a_batch=a, device="cpu")


@case("Quantus PixelFlipping, CNN 28x28, batch 16, 28 features a step, black baseline", "quantus")
def pixel_flipping():
    import quantus
    return _quantus(quantus.PixelFlipping(features_in_step=28, perturb_baseline="black", disable_warnings=True, display_progressbar=False))


@case("Quantus FaithfulnessCorrelation, CNN 28x28, batch 16, 100 runs, subset 224", "quantus")
def faithfulness_correlation():
    import quantus
    return _quantus(quantus.FaithfulnessCorrelation(nr_runs=100, subset_size=224, perturb_baseline="black", disable_warnings=True, display_progressbar=False))


@case("Captum infidelity, CNN 28x28, batch 16, 50 Gaussian perturbations, 10 a pass", "captum")
def infidelity():
    import torch
    from captum.metrics import infidelity as inf
    m, x, a, y = cnn(), t(16, 1, 28, 28, seed=1), t(16, 1, 28, 28, seed=2), torch.arange(16) % 10
    def perturb(inputs):
        noise = torch.randn_like(inputs) * 0.1
        return noise, inputs - noise
    return lambda: inf(m, perturb, x, a, target=y, n_perturb_samples=50, max_examples_per_batch=160)


@case("Captum sensitivity_max of IntegratedGradients(10 steps), CNN 28x28, batch 16, 10 perturbations, radius 0.02", "captum")
def max_sensitivity():
    import torch
    from captum.attr import IntegratedGradients
    from captum.metrics import sensitivity_max
    m, x, y = cnn(), t(16, 1, 28, 28, seed=1), torch.arange(16) % 10
    ig = IntegratedGradients(m)
    return lambda: sensitivity_max(ig.attribute, x, target=y, n_steps=10, n_perturb_samples=10, perturb_radius=0.02)


@case("scipy.stats.kendalltau over all pairs of 8 rankings of 512 tokens, 32 examples", "scipy")
def kendall_matrix():
    import numpy as np
    from scipy.stats import kendalltau
    r = np.random.default_rng(0).normal(size=(32, 8, 512))
    return lambda: [kendalltau(e[i], e[j]).statistic for e in r for i in range(8) for j in range(i)]


# ---------------------------------------------------------------- language model of SmolLM2-135M's shape (random weights)
def _lm():
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    torch.manual_seed(0)
    c = LlamaConfig(vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
                    num_key_value_heads=3, max_position_embeddings=2048, rope_theta=100000.0, tie_word_embeddings=True, rms_norm_eps=1e-5)
    return LlamaForCausalLM(c)


@case("prefill of 256 tokens, batch 1, f32, no gradient, logits of the last position", "transformers")
def lm_prefill_256():
    import torch
    m = _lm().eval()
    ids = torch.randint(0, 49152, (1, 256), generator=torch.Generator().manual_seed(1))
    @torch.no_grad()
    def run():
        m(ids, logits_to_keep=1)
    return run


@case("greedy decoding of 32 tokens after a 16-token prompt with a KV cache, batch 1, f32", "transformers")
def lm_decode_32():
    import torch
    m = _lm().eval()
    ids = torch.randint(0, 49152, (1, 16), generator=torch.Generator().manual_seed(1))
    @torch.no_grad()
    def run():
        m.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=32, min_new_tokens=32, do_sample=False, pad_token_id=0)
    return run


@case("NPO step: policy forward+backward and reference forward on 4 x 64 tokens, f32, no optimizer", "transformers")
def lm_npo_step():
    import torch
    F = torch.nn.functional
    policy, ref = _lm().train(), _lm().eval()
    ids = torch.randint(0, 49152, (4, 64), generator=torch.Generator().manual_seed(1))
    def logp(model):
        lg = model(ids).logits[:, :-1]
        return lg.log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1).sum(1)
    def run():
        policy.zero_grad(set_to_none=True)
        with torch.no_grad():
            r = logp(ref)
        (2 / 0.1 * F.softplus(0.1 * (logp(policy) - r))).mean().backward()
    return run


# ---------------------------------------------------------------- harness
def one(name, threads, repeat):
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import warnings
    warnings.filterwarnings("ignore")
    import torch
    torch.set_num_threads(threads)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    run = CASES[name][0]()
    built = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    run()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"peer": peer(CASES[name][2]), "median_s": statistics.median(times), "min_s": min(times), "peak_rss_mib": round(peak), "setup_rss_mib": round(built),
            "import_rss_mib": round(before), "note": CASES[name][1]}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--repeat", type=int, default=5)
    p.add_argument("--only", default="")
    p.add_argument("--child")
    a = p.parse_args()
    if a.child:
        sys.stdout.write("\n@@" + json.dumps(one(a.child, a.threads, a.repeat)))
        return
    out = {"machine": {"processor": platform.processor() or platform.machine(), "threads": a.threads}, "cases": {}}
    for name in CASES:
        if a.only not in name:
            continue
        r = subprocess.run([sys.executable, __file__, "--child", name, "--threads", str(a.threads), "--repeat", str(a.repeat)],
                           capture_output=True, text=True)
        out["cases"][name] = json.loads(r.stdout.rsplit("@@", 1)[1]) if r.returncode == 0 else {"error": r.stderr[-600:]}
        print(name, out["cases"][name], file=sys.stderr, flush=True)
    json.dump(out, sys.stdout, indent=1)


main()
