"""NVIDIA's management library, as far as energy goes. Source: the NVML API reference, Device Queries."""

import ctypes
import time


class Nvml:
    def __init__(self):
        self.library = ctypes.CDLL("libnvidia-ml.so.1")
        self.ask("nvmlInit_v2")
        self.device = ctypes.c_void_p()
        self.ask("nvmlDeviceGetHandleByIndex_v2", 0, ctypes.byref(self.device))

    def ask(self, name, *arguments):
        status = getattr(self.library, name)(*arguments)
        if status:
            raise OSError(f"{name} gave {status}")

    def joules(self):
        """What the card has taken since the driver was loaded."""
        millijoules = ctypes.c_ulonglong()
        self.ask("nvmlDeviceGetTotalEnergyConsumption", self.device, ctypes.byref(millijoules))
        return millijoules.value / 1e3

    def watts(self):
        """What the card takes: on some cards the mean of the last second."""
        milliwatts = ctypes.c_uint()
        self.ask("nvmlDeviceGetPowerUsage", self.device, ctypes.byref(milliwatts))
        return milliwatts.value / 1e3


def compare(nvml, goes_on, now=time.monotonic, pause=time.sleep):
    """Reads the counter and the power every 2 ms while `goes_on()`: both energies, and how often the counter moves."""
    begin = last = now()
    first, watts = nvml.joules(), nvml.watts()
    integral, counter, moved = 0.0, first, []
    while goes_on():
        pause(0.002)
        moment, power, joules = now(), nvml.watts(), nvml.joules()
        integral += (moment - last) * (power + watts) / 2
        if joules != counter:
            moved.append(moment)
        last, watts, counter = moment, power, joules
    gaps = sorted(after - before for before, after in zip(moved, moved[1:]))
    return {
        "seconds": last - begin,
        "counter_joules": counter - first,
        "integral_joules": integral,
        "tick_ms_median": 1e3 * gaps[len(gaps) // 2] if gaps else None,
        "tick_ms_longest": 1e3 * gaps[-1] if gaps else None,
    }
