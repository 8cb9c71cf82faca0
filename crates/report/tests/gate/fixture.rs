//! Made-up judgements with every verdict in them, tame and hostile. Other
//! tests may include this file by its path.

use authbench_results::{
    CellStanding, ClassReport, Confirmation, Environment, GateCell, GatePurpose, GateReport,
    GateRun, GateVersion, Health, InjectedStanding, Interleaving, KnownCell, KnownGate,
    MetricClass, Qualification, QualificationVersion, Scenario, Side, SideKind, Source, Standing,
    Verdict,
};

/// What a name on a command line or in a file may hold: ends of elements,
/// fences, cells and commands, a terminal's and XML's control characters.
pub(crate) const HOSTILE: &str = "</pre></details><script>alert(1)</script> ]]> &amp; \"'\n\
     ```\n# [x](javascript:alert(1)) | ![y](http://evil.example/z) <b>\n\
     ::error title=x::y\r\n::set-output name=a::b%0A, \u{1b}[2J\u{7}\u{0}\u{202e}ünï\u{9b}1m ~~~~ $a$ @all";

/// A cell of CPU per request with this effect and an interval of one point on
/// either side; it binds.
pub(crate) fn cpu(strategy: &str, verdict: Verdict, effect_percent: f64) -> GateCell {
    let base = 41_200.0;
    GateCell {
        strategy: strategy.to_owned(),
        metric: "server_cpu_ns_per_request".to_owned(),
        class: MetricClass::Cpu,
        unit: "ns".to_owned(),
        base: Some(base),
        candidate: Some(base * (1.0 + effect_percent / 100.0)),
        effect_percent: Some(effect_percent),
        low_percent: Some(effect_percent - 1.0),
        high_percent: Some(effect_percent + 1.0),
        budget_percent: 5.0,
        p_worse: Some(0.01),
        p_worse_holm: Some(0.02),
        visible_percent: Some(7.5),
        pairs: 12,
        verdict,
        binding: true,
        confirmation: None,
        note: None,
    }
}

/// A counted cell; it binds.
pub(crate) fn counted(
    (class, strategy, metric, unit): (MetricClass, &str, &str, &str),
    (base, candidate): (f64, f64),
    verdict: Verdict,
) -> GateCell {
    GateCell {
        metric: metric.to_owned(),
        class,
        unit: unit.to_owned(),
        base: Some(base),
        candidate: Some(candidate),
        effect_percent: (base != 0.0).then(|| (candidate / base - 1.0) * 100.0),
        low_percent: None,
        high_percent: None,
        budget_percent: if class == MetricClass::Exact {
            0.0
        } else {
            2.0
        },
        p_worse: None,
        p_worse_holm: None,
        visible_percent: None,
        pairs: 0,
        ..cpu(strategy, verdict, 0.0)
    }
}

/// The confirmation of a red cell.
pub(crate) fn confirmation(recurred: bool, effect_percent: f64) -> Confirmation {
    Confirmation {
        recurred,
        effect_percent,
        low_percent: effect_percent - 1.5,
        high_percent: effect_percent + 1.5,
        p_worse_holm: if recurred { 0.004 } else { 0.4 },
    }
}

/// A machine that qualified but for one metric.
pub(crate) fn qualified() -> Standing {
    Standing {
        id: Some("q-1".to_owned()),
        at: Some("2026-11-24T03:00:00Z".to_owned()),
        aa_gates: 30,
        aa_red: 0,
        injected: vec![
            InjectedStanding {
                percent: 5.0,
                operation: Some("authenticate".to_owned()),
                gates: 30,
                found: 4,
                improved: 1,
            },
            InjectedStanding {
                percent: 10.0,
                operation: None,
                gates: 30,
                found: 29,
                improved: 0,
            },
        ],
        qualified: vec!["session.memory.cookie/server_cpu_ns_per_request".to_owned()],
        unqualified: vec!["jwt.es256.bearer/response_ns_p50".to_owned()],
    }
}

/// A report with these cells and this verdict, on a machine that was never
/// qualified.
pub(crate) fn report(verdict: Verdict, cells: Vec<GateCell>) -> GateReport {
    let classes = MetricClass::ALL.map(|class| {
        let measured = cells.iter().any(|cell| cell.class == class);
        let binding = class != MetricClass::Wall;
        let reason = match (measured, binding) {
            (true, true) => None,
            (true, false) => Some("this machine has not been qualified for it".to_owned()),
            (false, _) => Some("it was not asked for".to_owned()),
        };
        ClassReport {
            class,
            measured,
            binding,
            reason,
        }
    });
    GateReport {
        schema: GateVersion::V1,
        run: run(),
        base: side("origin/main", SideKind::Revision, "a1b2c3d4", Some(false)),
        candidate: side(".", SideKind::Tree, "0badc0de", Some(true)),
        environment: Some(environment()),
        health: Some(Health::default()),
        scenario: Some(Scenario::new(
            "quick".to_owned(),
            "name = \"quick\"\n".to_owned(),
        )),
        interleaving: Some(interleaving()),
        rules: "alpha = 0.05\n[budgets]\ncpu = 5\n".to_owned(),
        qualification: Standing::default(),
        classes: classes.to_vec(),
        cells,
        blocks: Vec::new(),
        verdict,
        reason: (verdict == Verdict::NotMeasured).then(|| {
            "the machine is too noisy for the budget; run it again when it is quiet".to_owned()
        }),
        warnings: Vec::new(),
    }
}

/// Every verdict in one report: two red cells, an advisory one, one of each
/// other kind, and the counted figures of the worst.
pub(crate) fn everything() -> GateReport {
    use Verdict::{Improved, Inconclusive, NotMeasured, Pass, Regressed};
    let mut worst = cpu("session.memory.cookie", Regressed, 12.1);
    worst.confirmation = Some(confirmation(true, 11.8));
    let mut second = cpu("jwt.hs256.bearer", Regressed, 8.4);
    second.confirmation = Some(confirmation(true, 8.0));
    let mut advice = cpu("jwt.es256.bearer", Regressed, 30.0);
    advice.class = MetricClass::Wall;
    advice.metric = "response_ns_p50".to_owned();
    advice.binding = false;
    advice.note = Some("Advice: this machine has not been qualified for it.".to_owned());
    let mut unclear = cpu("session.redis.cookie", Inconclusive, 4.8);
    unclear.confirmation = Some(confirmation(false, 1.0));
    let mut unmeasured = cpu("jwt.es256.bearer", NotMeasured, 0.0);
    (unmeasured.candidate, unmeasured.effect_percent) = (None, None);
    (unmeasured.low_percent, unmeasured.high_percent) = (None, None);
    unmeasured.visible_percent = None;
    unmeasured.note = Some("No request was answered.".to_owned());
    let instructions = (
        MetricClass::Instructions,
        "session.memory",
        "authenticate_instructions",
        "instructions",
    );
    let allocations = (
        MetricClass::Exact,
        "session.memory",
        "authenticate_allocations",
        "count",
    );
    let tokens = (MetricClass::Exact, "jwt.hs256", "token_bytes", "bytes");
    let mut report = report(
        Regressed,
        vec![
            cpu("session.sqlite.cookie", Pass, 0.3),
            counted(tokens, (488.0, 488.0), Pass),
            cpu("memory.cookie", Improved, -14.0),
            unclear,
            advice,
            second,
            counted(instructions, (18_204.0, 20_443.0), Regressed),
            unmeasured,
            counted(allocations, (0.0, 1.0), Regressed),
            worst,
        ],
    );
    report.qualification = qualified();
    report
        .warnings
        .push("The sides were built by different compilers.".to_owned());
    report
}

/// The report with every verdict, and `text` at the end of all texts.
pub(crate) fn hostile(text: &str) -> GateReport {
    let mut report = everything();
    for cell in &mut report.cells {
        cell.strategy.push_str(text);
        cell.metric.push_str(text);
        cell.unit.push_str(text);
        cell.note.get_or_insert_default().push_str(text);
    }
    for side in [&mut report.base, &mut report.candidate] {
        side.named.push_str(text);
        side.source.commit = Some(text.to_owned());
        side.fingerprint = Some(text.to_owned());
        side.injected = Some(text.to_owned());
    }
    for class in &mut report.classes {
        class.reason.get_or_insert_default().push_str(text);
    }
    report.warnings.push(text.to_owned());
    report.rules.push_str(text);
    report.run.id.push_str(text);
    report.run.tool_version.push_str(text);
    report.run.arguments.push(text.to_owned());
    report.qualification.unqualified.push(text.to_owned());
    report.reason = Some(text.to_owned());
    if let Some(environment) = &mut report.environment {
        environment.cpu_model = Some(text.to_owned());
        environment.fingerprint = text.to_owned();
    }
    if let Some(interleaving) = &mut report.interleaving {
        interleaving.rates_per_s.insert(text.to_owned(), 7);
    }
    report
}

/// A qualification over two cells: one of them failed.
pub(crate) fn qualification() -> Qualification {
    let red = |round: u32| round == 7;
    let gate = |round: u32, injected_percent: f64, is_red: bool| {
        let effect_percent = injected_percent * 0.9 + f64::from(round) * 0.01;
        KnownGate {
            round,
            injected_percent,
            injected_operation: None,
            duration_ms: 240_000,
            verdict: if is_red {
                Verdict::Regressed
            } else {
                Verdict::Pass
            },
            cells: vec![KnownCell {
                strategy: "session.memory.cookie".to_owned(),
                metric: "server_cpu_ns_per_request".to_owned(),
                effect_percent: Some(effect_percent),
                low_percent: Some(effect_percent - 1.0),
                high_percent: Some(effect_percent + 1.0),
                visible_percent: Some(6.4),
                red_at_first: is_red,
                verdict: if is_red {
                    Verdict::Regressed
                } else {
                    Verdict::Pass
                },
            }],
        }
    };
    let gates = (0..30)
        .flat_map(|round| [gate(round, 0.0, red(round)), gate(round, 10.0, !red(round))])
        .collect();
    Qualification {
        schema: QualificationVersion::V1,
        id: "q-1".to_owned(),
        started_at: "2026-11-24T01:00:00Z".to_owned(),
        ended_at: "2026-11-24T03:00:00Z".to_owned(),
        arguments: ["gate", "--aa", "30", "--inject", "10%"]
            .map(str::to_owned)
            .to_vec(),
        seed: 7,
        tool_version: "0.1.0".to_owned(),
        interrupted: false,
        invalid: None,
        subject: side(".", SideKind::Tree, "0badc0de", Some(false)),
        environment: environment(),
        health: Health::default(),
        scenario: Scenario::new("quick".to_owned(), "name = \"quick\"\n".to_owned()),
        interleaving: interleaving(),
        rules: "alpha = 0.05\n".to_owned(),
        gates,
        cells: vec![
            standing("session.memory.cookie", "server_cpu_ns_per_request", None),
            standing(
                "jwt.es256.bearer",
                "response_ns_p50",
                Some("it was red in 4 of 30 gates"),
            ),
        ],
        warnings: vec!["The frequency governor is not known.".to_owned()],
    }
}

fn standing(strategy: &str, metric: &str, reason: Option<&str>) -> CellStanding {
    CellStanding {
        strategy: strategy.to_owned(),
        metric: metric.to_owned(),
        class: MetricClass::Cpu,
        aa_gates: 30,
        aa_red: if reason.is_some() { 4 } else { 0 },
        injected_gates: 30,
        injected_found: 29,
        injected_percent: Some(10.0),
        qualified: reason.is_none(),
        reason: reason.map(str::to_owned),
    }
}

fn run() -> GateRun {
    GateRun {
        id: "g-1".to_owned(),
        started_at: "2026-11-24T10:00:00Z".to_owned(),
        ended_at: "2026-11-24T10:04:10Z".to_owned(),
        purpose: GatePurpose::Gate,
        arguments: ["gate", "--base", "origin/main"]
            .map(str::to_owned)
            .to_vec(),
        seed: 7,
        tool_version: "0.1.0".to_owned(),
        interrupted: false,
        invalid: None,
    }
}

fn side(named: &str, kind: SideKind, commit: &str, dirty: Option<bool>) -> Side {
    Side {
        named: named.to_owned(),
        kind,
        source: Source {
            commit: Some(commit.repeat(5)),
            dirty,
            ..Source::default()
        },
        fingerprint: None,
        injected: None,
    }
}

fn interleaving() -> Interleaving {
    Interleaving {
        blocks: 12,
        confirm_blocks: 8,
        warmup_ms: 300,
        segment_ms: 500,
        palindromes: 1,
        rates_per_s: [("session.memory.cookie".to_owned(), 2_000)].into(),
        connections: 4,
        users: 64,
        control_version: 1,
    }
}

fn environment() -> Environment {
    Environment {
        cpu_model: Some("Example CPU 3000".to_owned()),
        logical_cores: Some(2),
        governor: None,
        memory_bytes: Some(8 << 30),
        kernel: Some("Linux 6.1 x86_64".to_owned()),
        libc: Some("glibc 2.36".to_owned()),
        virtualisation: Some("none seen".to_owned()),
        cgroup_cpu_limit: None,
        cgroup_memory_bytes: None,
        services: std::collections::BTreeMap::new(),
        server_cores: vec![0],
        driver_cores: vec![1],
        fingerprint: "0123456789abcdef".repeat(4),
    }
}
