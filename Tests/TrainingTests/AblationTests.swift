import Experiments
import Foundation
import RunStore
import TestSupport
import Testing
import Training
import Transformer

/// What an ablation says, and that it says nothing that its figures do not bear.
@Suite struct AblationFindingsTests {
    static func variants(_ names: String...) throws -> [AddNormVariant] { try names.map(AddNormVariant.init(named:)) }

    static func results(_ variants: [AddNormVariant]) -> AblationResults {
        let training = TrainingRequest(train: ["t.tsv"], output: "none")
        return AblationResults(
            AblationRequest(training, variants: variants, depths: [12]), experiment: "ablate-1", majority: 0.5,
            entropy: 0.69, devTexts: 100)
    }

    /// A model of 12 layers whose gradient, variance and cosine go from one value to another by equal factors.
    static func signals(
        _ variant: AddNormVariant, gradient: (Double, Double), variance: (Double, Double) = (1, 1),
        cosine: (Double, Double) = (0.3, 0.3)
    ) -> Signals {
        func value(_ ends: (Double, Double), _ layer: Int) -> Double {
            ends.0 * pow(ends.1 / ends.0, Double(layer) / 11)
        }
        return Signals(
            variant: variant, depth: 12,
            layers: (0..<12).map {
                LayerSignal(
                    gradientNorm: value(gradient, $0), hiddenGradientNorm: 1, variance: value(variance, $0),
                    cosine: value(cosine, $0))
            })
    }

    static func outcome(
        _ variant: AddNormVariant, rate: Double, warmup: Double = 0, _ outcome: Run.Outcome,
        question: AblationRequest.Question = .range, seed: UInt64 = 1, accuracy: Double = 0.5
    ) -> AblationOutcome {
        AblationOutcome(
            cell: AblationCell(
                question: question, variant: variant, depth: 12, learningRate: rate, warmupRatio: warmup, seed: seed,
                steps: 100),
            outcome: outcome, losses: [0.7], accuracy: accuracy, run: "r")
    }

    @Test func whatIsCommonlyToldOfSignalsIsSaidWhereItIsSo() throws {
        let variants = try Self.variants("post", "pre", "post-off", "none")
        var results = Self.results(variants)
        results.signals = [
            Self.signals(variants[0], gradient: (1, 10)),
            Self.signals(variants[1], gradient: (1, 1), variance: (1, 12)),
            Self.signals(variants[2], gradient: (1e-6, 1), cosine: (0.9, 1)),
            Self.signals(variants[3], gradient: (1, 1), variance: (1, 1e9)),
        ]
        let text = AblationFindings(results).ofSignals.joined(separator: "\n")
        #expect(text.contains("Without the residual connection (post-off) the tokens of a text become one"))
        #expect(
            text.contains("the gradient of layer 1 is 1.00e+06 times as small as that of layer 12")
                || text.contains("1e+06 times as small"))
        #expect(text.contains("With post-norm, the gradient is largest near the output"))
        #expect(text.contains("With pre-norm, hidden states grow with depth: their variance is 12 times"))
        #expect(text.contains("Without a norm (none) hidden states grow"))
        #expect(!text.contains("alone does not keep tokens apart"))
    }

    /// Every common telling is false here: each sentence is turned round, or gone.
    @Test func whatIsCommonlyToldOfSignalsIsTurnedRoundWhereItIsNotSo() throws {
        let variants = try Self.variants("post", "pre", "post-off", "none")
        var results = Self.results(variants)
        results.signals = [
            Self.signals(variants[0], gradient: (10, 1), cosine: (0.9, 0.9999)),
            Self.signals(variants[1], gradient: (1, 1), variance: (1, 0.9)),
            Self.signals(variants[2], gradient: (1, 1), cosine: (0.3, 0.4)),
            Self.signals(variants[3], gradient: (1, 1), variance: (1, 1.1)),
        ]
        let text = AblationFindings(results).ofSignals.joined(separator: "\n")
        #expect(text.contains("(post-off) the tokens of a text stay apart"))
        #expect(!text.contains("become one") && !text.contains("times as small"))
        #expect(text.contains("the gradient is not largest near the output here"))
        #expect(text.contains("With pre-norm, hidden states do not grow with depth here"))
        #expect(text.contains("Without a norm (none) hidden states stay in range"))
        #expect(
            text.contains(
                "A residual connection alone does not keep tokens apart: after 12 layers, their mean cosine is above 0.99 with post"
            ))
    }

    @Test func ratesAreComparedOnlyWhereTheyPointOneWay() throws {
        let variants = try Self.variants("post", "none", "post-off")
        func sentences(_ none: Run.Outcome, _ off: Run.Outcome, post: Run.Outcome) -> String {
            var results = Self.results(variants)
            results.range = [
                Self.outcome(variants[0], rate: 1e-3, .trained), Self.outcome(variants[0], rate: 1e-2, post),
                Self.outcome(variants[1], rate: 1e-3, .trained), Self.outcome(variants[1], rate: 1e-2, none),
                Self.outcome(variants[2], rate: 1e-3, off), Self.outcome(variants[2], rate: 1e-2, off),
            ]
            return AblationFindings(results).ofRange.joined(separator: "\n")
        }
        let common = sentences(.diverged, .stuck, post: .trained)
        #expect(
            common.contains(
                "Without a norm (none), the highest learning rate that still trains is lower than with post in 1 of 1 cases"
            ))
        #expect(
            common.contains(
                "Without the residual connection (post-off), the highest learning rate that still trains is lower"))
        #expect(common.contains("With 12 layers, post-off trains at none of those that were tried."))
        let turned = sentences(.trained, .trained, post: .diverged)
        #expect(
            turned.contains(
                "Without a norm (none), the highest learning rate that still trains is not lower than with post"))
        #expect(
            turned.contains(
                "Without the residual connection (post-off), the highest learning rate that still trains is not lower"))
        #expect(!turned.contains("at none of those"))
        // Equal: nothing is said of it.
        #expect(!sentences(.trained, .trained, post: .trained).contains("the highest learning rate that still"))
    }

    @Test func warmUpIsSpokenOfByWhatItDoes() throws {
        let variants = try Self.variants("post", "pre")
        var results = Self.results(variants)
        results.range = [
            Self.outcome(variants[0], rate: 1e-3, .trained), Self.outcome(variants[0], rate: 1e-2, .stuck),
            Self.outcome(variants[0], rate: 1e-2, warmup: 0.25, .trained),
            Self.outcome(variants[1], rate: 1e-2, .trained),
            Self.outcome(variants[1], rate: 1e-2, warmup: 0.25, .trained),
        ]
        let sentences = AblationFindings(results).ofRange
        #expect(sentences.contains("Warm-up raises the highest learning rate of post with 1 of 1 depths."))
        #expect(
            sentences.contains(
                "pre does not need warm-up: its highest learning rate is no higher with it, at any depth."))
    }

    @Test func accuraciesAreComparedByWelchsTest() throws {
        let variants = try Self.variants("post", "pre", "rezero")
        func sentences(_ pre: [Double]) -> [String] {
            var results = Self.results(variants)
            for (variant, values) in [
                (variants[0], [0.70, 0.71, 0.69]), (variants[1], pre), (variants[2], [0.70, 0.72, 0.68]),
            ] {
                results.results += values.enumerated().map {
                    Self.outcome(variant, rate: 1e-3, .trained, question: .results, seed: UInt64($0), accuracy: $1)
                }
            }
            return AblationFindings(results).ofResults
        }
        let better = sentences([0.80, 0.81, 0.79])
        #expect(better.count == 1 && better[0].hasPrefix("With 12 layers, better than post: pre (by 10.0 points, p "))
        #expect(sentences([0.60, 0.61, 0.59])[0].hasPrefix("With 12 layers, worse than post: pre (by 10.0 points"))
        #expect(sentences([0.70, 0.90, 0.75]) == ["With 12 layers, no form is shown to be better or worse than post."])
    }

    @Test func aTrainingIsJudgedByLossAndChance() {
        func judge(_ loss: Double?, _ right: Int, of texts: Int = 100) -> Run.Outcome {
            AblationOutcome.judge(finalLoss: loss, right: right, of: texts, majority: 0.5, entropy: 0.69)
        }
        #expect(judge(nil, 90) == .diverged && judge(.nan, 90) == .diverged && judge(2, 90) == .diverged)
        // 60 of 100 is the first number whose interval is above a half.
        #expect(judge(0.6, 59) == .stuck && judge(0.6, 61) == .trained && judge(0.6, 6, of: 10) == .stuck)
    }
}

/// The plan: what fits, and the same for every form.
@Suite struct AblationPlanTests {
    static func plan(minutes: Double, depths: [Int] = [2, 6, 12, 24]) throws -> AblationPlan {
        let variants = try AblationFindingsTests.variants("post", "pre")
        let request = AblationRequest(
            TrainingRequest(train: ["t"], output: "none"), variants: variants, depths: depths)
        return AblationPlan(request, seconds: 60 * minutes) { (step: 0.01 * Double($0), evaluation: 0) }
    }

    @Test func lessTimeMeansFewerStepsThenFewerDepthsThenFewerRates() throws {
        let plans = try [1000, 20, 6, 1].map { try Self.plan(minutes: $0).range }
        let steps = plans.map { $0?.steps ?? 0 }
        let depths = plans.map { $0?.depths.count ?? 0 }
        let rates = plans.map { $0?.learningRates.count ?? 0 }
        #expect(steps == [400, 100, 100, 100])
        #expect(depths[0] == 4 && depths == depths.sorted(by: >))
        #expect(rates[0] == 5 && rates == rates.sorted(by: >) && rates.last! < 5)
    }

    @Test func itIsReadAsItWasWritten() throws {
        let plan = try Self.plan(minutes: 20)
        #expect(AblationPlan(text: "variants=post,pre seeds=3 " + plan.text) == plan)
        #expect(AblationPlan(text: "variants=post,pre") == nil)
    }
}
