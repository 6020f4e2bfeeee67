import Foundation
import Training

/// Explanations as one HTML page without scripts, fonts or images: it can be mailed, printed and kept.
struct ExplanationPage {
    let model: String
    let labels: [String]
    private var articles = ""
    private var count = 0
    /// Of how many texts both methods name the same word.
    private var agreeing = 0

    init(model: String, labels: [String]) { (self.model, self.labels) = (model, labels) }

    mutating func append(_ explanation: Explanation) {
        count += 1
        if explanation.agrees == true { agreeing += 1 }
        let lines = [Explanation.Method.leaveOneOut, .gradient].map { method in
            "<div class=\"method\"><span>\(method.rawValue)</span>\n<p dir=\"auto\">\(words(explanation, method))</p></div>\n"
        }
        articles += """
            <article>
            <h2>\(explanation.heading(labels).escaped)</h2>
            \(explanation.words.isEmpty ? "<p class=\"unread\">no words</p>\n" : lines.joined())</article>

            """
    }

    private func words(_ explanation: Explanation, _ method: Explanation.Method) -> String {
        let shares = explanation.shares(by: method)
        return explanation.pieces.map { text, index in
            let text = text.printable.escaped
            guard let index else { return text }
            let word = explanation.words[index]
            guard let share = shares[index], let leaveOneOut = word.leaveOneOut, let gradient = word.gradient else {
                return "<span class=\"unread\" title=\"not read\">\(text)</span>"
            }
            let tooltip = "leave-one-out \(leaveOneOut.score), gradient \(gradient.score)"
            let strength = String(format: "%.2f", abs(share))
            return
                "<span class=\"\(share < 0 ? "against" : "for")\" style=\"--share:\(strength)\" title=\"\(tooltip)\">"
                + "\(text)</span>"
        }.joined()
    }

    var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Explanations of \(model.escaped)</title>
        <style>
        :root { --for: 0 160 60; --against: 225 40 40; --ink: #1b1f24; --quiet: #5d6670; --paper: #fff; --line: #d8dde3; --most: .6 }
        @media (prefers-color-scheme: dark) {
          :root { --for: 30 170 80; --against: 235 70 70; --ink: #f0f3f6; --quiet: #a3adb8; --paper: #14171b; --line: #363c44; --most: .62 }
        }
        body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--paper);
               font: 1rem/1.7 system-ui, sans-serif }
        h1 { font-size: 1.3rem; line-height: 1.3; margin: 0 }
        h2 { font-size: 1rem; margin: 0 0 .4rem }
        h1, h2, p { overflow-wrap: anywhere }
        header span { color: var(--ink) }
        header p { margin: .4rem 0; color: var(--quiet); font-size: .9rem }
        article { border-top: 1px solid var(--line); padding: 1rem 0; break-inside: avoid }
        .method { display: grid; grid-template-columns: 7.5rem 1fr; gap: 0 .5rem }
        .method > span, .unread { color: var(--quiet) }
        .method > span { font-size: .85rem; line-height: 2 }
        article p { margin: 0; white-space: pre-wrap }
        .for, .against { padding: .1em 0; border-radius: .2em; -webkit-print-color-adjust: exact; print-color-adjust: exact;
                         -webkit-box-decoration-break: clone; box-decoration-break: clone }
        .for { background: rgb(var(--for) / calc(var(--share) * var(--most))) }
        .against { background: rgb(var(--against) / calc(var(--share) * var(--most)));
                   text-decoration: underline dotted rgb(var(--against) / var(--share)); text-underline-offset: .2em }
        @media (max-width: 36rem) { .method { grid-template-columns: 1fr } .method + .method { margin-top: .4rem } }
        @media print {
          :root { --ink: #000; --quiet: #444; --paper: #fff; --line: #bbb; --for: 0 160 60; --against: 225 40 40; --most: .6 }
          body { max-width: none; margin: 0 }
        }
        </style>
        </head>
        <body>
        <header>
        <h1>Which words carried the decision: \(model.escaped)</h1>
        <p><span class="for" style="--share:1">for</span> the label that is named, <span class="against" style="--share:1">against</span>
        it; the stronger the colour, the larger the score, relative to the largest of the text. The scores stand in the tooltips, in nats of
        the label’s log-odds. leave-one-out: how much they fall if the word is left out. gradient: gradient × input, with all that only scales held constant: attention, norms, and what activation functions multiply with.</p>
        <p>\(count) \(count == 1 ? "text" : "texts"); both methods name the same most important word in \(agreeing).</p>
        </header>
        \(articles)</body>
        </html>

        """
    }
}

extension String {
    /// The text as HTML has it, between tags and in attributes.
    fileprivate var escaped: String {
        // By scalars: a Character can join a bracket with a mark before or after it.
        unicodeScalars.map { scalar in
            switch scalar {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            case "'": "&#39;"
            default: String(scalar)
            }
        }.joined()
    }
}
