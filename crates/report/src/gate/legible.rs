//! Reports made harmless to the eye: what a terminal would obey, or a browser
//! would hide or turn round, stands escaped. A file with a report in it may
//! come from anywhere. Each kind is taken apart field by field, so that a new
//! text cannot be forgotten.

use authbench_results::{
    CellStanding, ClassReport, Environment, GateCell, GateReport, GateRun, InjectedStanding,
    Interleaving, Invalid, KnownGate, Qualification, Scenario, Side, Source, Standing,
};

use crate::escape::tame;

/// The report, made harmless; without its raw samples, of which no form shows
/// a text.
pub(super) fn report(report: &GateReport) -> GateReport {
    let mut legible = GateReport {
        blocks: Vec::new(),
        ..report.clone()
    };
    let GateReport {
        schema: _,
        run,
        base,
        candidate,
        environment,
        health: _,
        scenario,
        interleaving,
        rules,
        qualification,
        classes,
        cells,
        blocks: _,
        verdict: _,
        reason,
        warnings,
    } = &mut legible;
    gate_run(run);
    side(base);
    side(candidate);
    environment.iter_mut().for_each(machine);
    scenario.iter_mut().for_each(asked);
    interleaving.iter_mut().for_each(rates);
    tame(rules);
    standing(qualification);
    for ClassReport {
        reason,
        class: _,
        measured: _,
        binding: _,
    } in classes
    {
        reason.iter_mut().for_each(tame);
    }
    cells.iter_mut().for_each(cell);
    reason.iter_mut().for_each(tame);
    warnings.iter_mut().for_each(tame);
    legible
}

/// The same of a qualification.
pub(super) fn qualification(qualification: &Qualification) -> Qualification {
    let mut legible = qualification.clone();
    let Qualification {
        schema: _,
        id,
        started_at,
        ended_at,
        arguments,
        seed: _,
        tool_version,
        interrupted: _,
        invalid,
        subject,
        environment,
        health: _,
        scenario,
        interleaving,
        rules,
        gates,
        cells,
        warnings,
    } = &mut legible;
    for text in [id, started_at, ended_at, tool_version, rules] {
        tame(text);
    }
    arguments.iter_mut().for_each(tame);
    retracted(invalid);
    side(subject);
    machine(environment);
    asked(scenario);
    rates(interleaving);
    for KnownGate {
        injected_operation,
        cells,
        ..
    } in gates
    {
        injected_operation.iter_mut().for_each(tame);
        for cell in cells {
            tame(&mut cell.strategy);
            tame(&mut cell.metric);
        }
    }
    for CellStanding {
        strategy,
        metric,
        reason,
        ..
    } in cells
    {
        tame(strategy);
        tame(metric);
        reason.iter_mut().for_each(tame);
    }
    warnings.iter_mut().for_each(tame);
    legible
}

fn gate_run(run: &mut GateRun) {
    let GateRun {
        id,
        started_at,
        ended_at,
        purpose: _,
        arguments,
        seed: _,
        tool_version,
        interrupted: _,
        invalid,
    } = run;
    for text in [id, started_at, ended_at, tool_version] {
        tame(text);
    }
    arguments.iter_mut().for_each(tame);
    retracted(invalid);
}

fn retracted(invalid: &mut Option<Invalid>) {
    if let Some(Invalid { reason }) = invalid {
        tame(reason);
    }
}

fn side(side: &mut Side) {
    let Side {
        named,
        kind: _,
        source,
        fingerprint,
        injected,
    } = side;
    let Source {
        commit,
        dirty: _,
        lock_sha256,
        binary_sha256,
        rustc,
        profile,
    } = source;
    tame(named);
    let known = [
        fingerprint,
        injected,
        commit,
        lock_sha256,
        binary_sha256,
        rustc,
        profile,
    ];
    known.into_iter().flatten().for_each(tame);
}

fn machine(environment: &mut Environment) {
    let Environment {
        cpu_model,
        logical_cores: _,
        governor,
        memory_bytes: _,
        kernel,
        libc,
        virtualisation,
        cgroup_cpu_limit: _,
        cgroup_memory_bytes: _,
        services,
        server_cores: _,
        driver_cores: _,
        fingerprint,
    } = environment;
    let known = [cpu_model, governor, kernel, libc, virtualisation];
    known.into_iter().flatten().for_each(tame);
    tame(fingerprint);
    *services = std::mem::take(services)
        .into_iter()
        .map(|(mut name, mut version)| {
            tame(&mut name);
            tame(&mut version);
            (name, version)
        })
        .collect();
}

fn asked(scenario: &mut Scenario) {
    let Scenario { name, sha256, text } = scenario;
    [name, sha256, text].into_iter().for_each(tame);
}

fn rates(interleaving: &mut Interleaving) {
    let rates = &mut interleaving.rates_per_s;
    *rates = std::mem::take(rates)
        .into_iter()
        .map(|(mut strategy, rate)| {
            tame(&mut strategy);
            (strategy, rate)
        })
        .collect();
}

fn standing(standing: &mut Standing) {
    let Standing {
        id,
        at,
        aa_gates: _,
        aa_red: _,
        injected,
        qualified,
        unqualified,
    } = standing;
    id.iter_mut().chain(at).for_each(tame);
    qualified.iter_mut().chain(unqualified).for_each(tame);
    for InjectedStanding { operation, .. } in injected {
        operation.iter_mut().for_each(tame);
    }
}

fn cell(cell: &mut GateCell) {
    let texts = [&mut cell.strategy, &mut cell.metric, &mut cell.unit];
    texts.into_iter().chain(&mut cell.note).for_each(tame);
}
