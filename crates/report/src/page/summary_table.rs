//! The summary table: the rows that the command line prints.

use maud::{Markup, html};

use crate::reading::Reading;
use crate::summary::{Column, Figure, Standing, SummaryRow};
use crate::svg;

pub(super) fn of(reading: &Reading<'_>, rows: &[SummaryRow]) -> Markup {
    html! {
        p {
            "The columns under " em { "authenticate" } " and the octets on the wire were measured at "
            strong { (reading.common_load()) }
            @if !reading.is_common_the_same() { ", because the strategies have no load in common: times do not compare. " }
            @else if reading.common_is_valid() { ": the highest load at which most strategies kept up. " }
            @else { ". No load gave response times that may be believed. " }
            "A dash was not measured; a question mark may not be believed; a number struck through \
             belongs to a strategy that gave wrong answers. Reasons stand below the table."
        }
        div class="scroll" tabindex="0" {
            table class="summary" {
                thead {
                    tr {
                        th scope="col" rowspan="2" { "strategy" }
                        @for (group, columns) in groups() {
                            th scope="colgroup" colspan=(columns) class="group" { (group) }
                        }
                    }
                    tr {
                        @for (at, column) in SummaryRow::COLUMNS.iter().enumerate() {
                            th scope="col" title=(column.meaning) class=[starts_group(at).then_some("first")] {
                                (column.heading)
                            }
                        }
                    }
                }
                tbody { @for (index, row) in rows.iter().enumerate() { (line(index, row)) } }
            }
        }
        @if !reading.is_common_the_same() {
            ul class="notes" { @for row in rows { li { code { (row.strategy) } " was measured at " (row.load) "." } } }
        }
        (notes(rows))
        details {
            summary { "What the columns mean" }
            dl { @for column in SummaryRow::COLUMNS { dt { (name(&column)) } dd { (column.meaning) } } }
        }
    }
}

fn groups() -> Vec<(&'static str, usize)> {
    let mut groups: Vec<(&str, usize)> = Vec::new();
    for column in SummaryRow::COLUMNS {
        match groups.last_mut() {
            Some((group, columns)) if *group == column.group => *columns += 1,
            _ => groups.push((column.group, 1)),
        }
    }
    groups
}

fn starts_group(at: usize) -> bool {
    at == 0 || SummaryRow::COLUMNS[at].group != SummaryRow::COLUMNS[at - 1].group
}

fn line(index: usize, row: &SummaryRow) -> Markup {
    let failed = !row.failures.is_empty();
    html! {
        tr {
            th scope="row" { (svg::legend_entry(index, &row.strategy, failed)) }
            @for (at, figure) in row.figures().into_iter().enumerate() {
                td class=[starts_group(at).then_some("first")] { (cell(figure, failed)) }
            }
        }
    }
}

fn cell(figure: &Figure, failed: bool) -> Markup {
    let (class, reason) = match &figure.standing {
        Standing::Good => (None, None),
        Standing::Doubtful(reason) => (Some("doubtful"), Some(reason)),
        Standing::Missing(reason) => (Some("missing"), Some(reason)),
    };
    html! {
        span class=[class] title=[reason] {
            @if failed { s { (figure.marked()) } } @else { (figure.marked()) }
        }
    }
}

fn notes(rows: &[SummaryRow]) -> Markup {
    let remarkable = |row: &&SummaryRow| !row.failures.is_empty() || !row.remarks().is_empty();
    html! {
        @if rows.iter().any(|row| remarkable(&row)) {
            ul class="notes" {
                @for row in rows.iter().filter(remarkable) {
                    @for failure in &row.failures { li { code { (row.strategy) } " failed: " (failure) "." } }
                    @for remark in row.remarks() { li { code { (row.strategy) } ", " (remark) "." } }
                }
            }
        }
    }
}

fn name(column: &Column) -> String {
    format!("{}, {}", column.group, column.heading)
}
