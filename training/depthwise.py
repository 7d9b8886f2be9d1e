"""Depthwise convolution for training on CPUs, compiled where it is used."""

import ctypes
import subprocess
from pathlib import Path

import torch

SOURCE = Path(__file__).with_name("depthwise.cpp")
NAMES = {torch.bfloat16: "bfloat16", torch.float32: "float32"}
_library = None


def compile(folder):
    """Compile into folder, and use it from now on; raise OSError or CalledProcessError."""
    global _library
    target = Path(folder) / "depthwise.so"
    if not target.exists() or target.stat().st_mtime < SOURCE.stat().st_mtime:
        subprocess.run(
            [
                "g++",
                "-O3",
                "-march=native",
                "-std=c++17",
                "-Wno-psabi",
                "-shared",
                "-fPIC",
                "-pthread",
                str(SOURCE),
                "-o",
                str(target),
            ],
            check=True,
        )
    _library = ctypes.CDLL(str(target))


def ready(x):
    """Say whether x, (N, C, S, S), can be convolved here."""
    return _library is not None and x.dtype in NAMES and x.shape[1] % 16 == 0


def _call(name, *tensors, sizes):
    pointers = [ctypes.c_void_p(t.data_ptr()) for t in tensors]
    function = getattr(_library, f"{name}_{NAMES[tensors[0].dtype]}")
    function(*pointers, *sizes, torch.get_num_threads())


def _last(x):
    return x.contiguous(memory_format=torch.channels_last)


class Depthwise(torch.autograd.Function):
    """Images (N, C, S, S) bfloat16 or float32, kernel (C, 1, K, K) and bias (C,) float32 to images."""

    @staticmethod
    def forward(ctx, x, kernel, bias, stride):
        x, size = _last(x), kernel.shape[-1]
        taps = kernel.detach().float().permute(2, 3, 0, 1).contiguous()
        n, c, h, _ = x.shape
        y = torch.empty((n, c, h // stride, h // stride), dtype=x.dtype, memory_format=torch.channels_last)
        ctx.sizes = (n, h, c, size, stride)
        if stride == 1:
            # Here the stock kernel is fast.
            y = torch.nn.functional.conv2d(x, kernel.to(x.dtype), bias.to(x.dtype), 1, size // 2, 1, c)
        else:
            _call("forward", x, taps, bias.detach().float().contiguous(), y, sizes=ctx.sizes)
        ctx.save_for_backward(x, taps)
        return y

    @staticmethod
    def backward(ctx, gradient):
        x, taps = ctx.saved_tensors
        gradient, (_, _, c, size, stride) = _last(gradient), ctx.sizes
        change, shift = torch.empty_like(taps), torch.empty(c)
        _call("kernel", x, gradient, change, shift, sizes=ctx.sizes)
        if stride == 1:
            turned = taps.flip(0, 1).permute(2, 3, 0, 1).to(x.dtype)
            back = torch.nn.functional.conv2d(gradient, turned, None, 1, size // 2, 1, c)
        else:
            back = torch.empty_like(x)
            _call("images", gradient, taps, back, sizes=ctx.sizes)
        return back, change.permute(2, 3, 0, 1), shift, None
