import Escaping
import Foundation
import Inference
import Plots
import Reports

/// Explanations as a page.
struct ExplanationPage {
    let model: String
    let labels: [String]
    var explanations: [(Explanation, actual: String?)] = []

    private func article(_ explanation: Explanation, actual: String?) -> String {
        let lines = [Explanation.Method.leaveOneOut, .gradient].map { method in
            """
            <div class="method"><span>\(method.rawValue)</span>
            <p dir="auto">\(words(explanation, method))</p>
            <p class="scores">\(explanation.balance(by: method, labels: labels).escaped)</p></div>

            """
        }
        return """
            <article>
            <h2>\(explanation.heading(labels, actual: actual).escaped)</h2>
            \(explanation.words.isEmpty ? "<p class=\"unread\">no words</p>\n" : lines.joined())</article>

            """
    }

    private func words(_ explanation: Explanation, _ method: Explanation.Method) -> String {
        let shares = explanation.shares(by: method)
        return explanation.pieces.map { text, index in
            let text = text.escaped
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
        let agreeing = explanations.count { $0.0.agrees == true }
        return Page(
            title: "Explanations of \(model)",
            style: String(decoding: PackageResources.explanation_css.dropLast(), as: UTF8.self),
            body: """
                <header>
                <h1>Which words carried the decision: \(model.escaped)</h1>
                <p><span class="for" style="--share:1">for</span> the label that is named, <span class="against" style="--share:1">against</span>
                it; the stronger the colour, the larger the score, relative to the largest of the text. Scores are in nats of
                the label’s log-odds; those of all words stand in tooltips. leave-one-out: how much they fall if the word is left out. gradient: gradient × input, with all that only scales held constant: attention, norms, and what activation functions multiply with.</p>
                <p>\(explanations.count.of("text")); both methods name the same word as the one most in favour in \(agreeing).</p>
                </header>
                \(explanations.map(article).joined())
                """
        ).html
    }
}
