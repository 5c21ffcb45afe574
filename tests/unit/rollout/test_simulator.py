"""What a rollout would do."""

from __future__ import annotations

from dataclasses import replace

from fleetlib.core.rollout import plan, simulator

CALM = simulator.Model(offline_share=0, failure_share=0, latency_spread=0)
THREE = plan.parse("standard")
SIZES = (10, 50, 140)


def test_the_same_seed_gives_the_same_forecast_and_another_one_does_not():
    model = simulator.Model()
    first = simulator.simulate(THREE, SIZES, model, seed=7, runs=5)
    assert simulator.simulate(THREE, SIZES, model, seed=7, runs=5) == first
    assert simulator.simulate(THREE, SIZES, model, seed=8, runs=5).first != first.first


def test_a_calm_fleet_takes_latency_and_bake_times():
    forecast = simulator.simulate(THREE, SIZES, CALM, runs=3)
    assert forecast.abort_share == 0
    assert forecast.touched_p95 == 200
    bake = 3 * 15 * 60
    assert bake < forecast.seconds_p50 < bake + 3 * (10 + 5 + 20)
    assert forecast.first.curve[-1][1] == 200


def test_a_program_that_fails_on_a_fifth_never_leaves_the_canaries():
    forecast = simulator.simulate(THREE, SIZES, replace(CALM, failure_share=0.5), runs=50)
    assert forecast.abort_share == 1
    assert forecast.touched_p95 <= 10


def test_a_loss_while_the_wave_is_watched_stops_it():
    forecast = simulator.simulate(THREE, SIZES, replace(CALM, late_failure_share=1), runs=5)
    assert (forecast.abort_share, forecast.touched_p95) == (1, 10)
    assert "lost their connection" in forecast.first.waves[-1].stopped


def test_a_loss_after_the_bake_time_is_not_seen_in_the_canary_wave():
    late = replace(CALM, late_failure_share=1, late_failure_seconds=16 * 60)
    assert simulator.simulate(THREE, SIZES, late, runs=2).touched_p50 > 10


def test_a_rate_holds_the_devices_back():
    slow = plan.parse({"waves": [{"rest": True, "bake_minutes": 0, "rate": {"per_minute": 10}}]})
    forecast = simulator.simulate(slow, [100], CALM, runs=1)
    assert 9 * 60 <= forecast.seconds_p50 <= 10 * 60


def test_an_exponential_rate_begins_slowly_and_is_through_sooner_than_its_start():
    rate = {"per_minute": 100, "start_per_minute": 5, "growth": 2, "after_successes": 5}
    growing = plan.parse({"waves": [{"rest": True, "bake_minutes": 0, "rate": rate}]})
    forecast = simulator.simulate(growing, [155], CALM, runs=1)
    assert 4 * 60 <= forecast.seconds_p50 <= 6 * 60


def test_a_wave_without_enough_devices_online_stops():
    away = replace(CALM, offline_share=0.5, return_hours=1000)
    forecast = simulator.simulate(THREE, SIZES, away, runs=5)
    assert forecast.abort_share == 1
    assert "devices finished" in forecast.first.waves[0].stopped


def test_waves_wait_for_their_window():
    # 09:00 to 09:25 each day: the third wave's turn comes after the window has closed.
    windowed = replace(THREE, windows=(plan.Window(540, 25),))
    forecast = simulator.simulate(windowed, SIZES, CALM, runs=1)
    starts = [wave.start for wave in forecast.first.waves]
    assert starts[1] < 25 * 60
    assert starts[2] >= plan.DAY


def test_calls_per_device_fall_with_the_fleet_and_jobs_do_not_grow():
    shares = [
        simulator.simulate(THREE, (n // 20, n // 4, n - n // 20 - n // 4), CALM, runs=1)
        for n in (200, 20_000)
    ]
    small, big = (forecast.as_dict() for forecast in shares)
    assert small["calls"]["CreateJob"] == big["calls"]["CreateJob"] == 3
    assert big["calls_per_device"] < small["calls_per_device"]


def test_a_wave_by_group_makes_no_call_for_a_device():
    by_group = plan.parse({"waves": [{"group": "fleet"}]})
    forecast = simulator.simulate(by_group, [10_000], CALM, runs=1)
    assert "AddThingToThingGroup" not in forecast.calls
    assert forecast.as_dict()["calls_per_device"] < 0.2
