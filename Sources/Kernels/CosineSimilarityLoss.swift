import CKernels

/// How far the directions of texts' vectors are from what their labels have in common: the loss that brings texts of one label together, and others apart.
///
/// With s = cos(xᵢ, xⱼ) and y = |A ∩ B| / |A ∪ B| of the labels A and B of two texts, which is 1 for the same label and 0 for another, it is the mean of (s − y)² over the
/// pairs that have something in common (y > 0), plus the same over those that have not, divided by 2, so that both kinds count the same however many there are; where there
/// is one kind only, it is the mean over that.
///
/// - Parameters:
///   - x: the vectors, `[texts, hidden]`
///   - targets: the label or labels of each
///   - gradient: becomes the gradient of the loss with respect to `x`
/// - Returns: the loss; 0 without a pair
/// - Complexity: O(*n*² · hidden) in the number of texts, and memory for *n*² numbers
///
/// ### References
/// Reimers & Gurevych, *Sentence-BERT*, 2019 (the loss); Tunstall et al., *Efficient Few-Shot Learning Without Prompts*, 2022 (pairs of few labelled texts).
package func cosineSimilarityLoss(_ x: Matrix, targets: Targets, into gradient: inout Matrix, on workers: Workers)
    -> Double
{
    precondition(targets.count == x.rows, "one target per row")
    let (count, columns) = (x.rows, x.columns)
    // Far below the length of any vector that has a direction.
    let lengths = (0..<count).map { max(ck_sum_of_squares(columns, x.pointer + $0 * columns).squareRoot(), 1e-8) }
    var unit = x
    let u = unit.mutablePointer()
    for row in 0..<count { ck_scale(columns, Float(1 / lengths[row]), u + row * columns) }
    var cosines = Matrix()
    linear(unit, weight: unit, into: &cosines, on: workers)
    let inCommon = (0..<count).map { row in (0..<row).map { targets.inCommon(row, $0) } }
    let related = inCommon.joined().count { $0 > 0 }
    let unrelated = count * (count - 1) / 2 - related
    let kinds = Double((related > 0 ? 1 : 0) + (unrelated > 0 ? 1 : 0))
    var loss = 0.0
    let s = cosines.mutablePointer()
    // s becomes dL / ds, the same for (i, j) and (j, i).
    for row in 0..<count {
        s[row * count + row] = 0
        for (column, y) in inCommon[row].enumerated() {
            let share = 1 / (kinds * Double(y > 0 ? related : unrelated))
            let difference = Double(s[row * count + column]) - y
            loss += share * difference * difference
            s[row * count + column] = Float(2 * share * difference)
            s[column * count + row] = s[row * count + column]
        }
    }
    // With g = Σ dL / ds · u of the others, dx = (g − (g · u) u) / ‖x‖: what changes the length alone changes no cosine.
    linearBackward(cosines, weight: unit, into: &gradient, on: workers)
    let g = gradient.mutablePointer()
    for row in 0..<count {
        let (g, u) = (g + row * columns, unit.pointer + row * columns)
        let along = Float(ck_dot(columns, g, u))
        for column in 0..<columns { g[column] = (g[column] - along * u[column]) / Float(lengths[row]) }
    }
    return loss
}

extension Targets {
    /// |A ∩ B| / |A ∪ B| of the labels of two texts; 1 if neither has one.
    fileprivate func inCommon(_ first: Int, _ second: Int) -> Double {
        switch self {
        case .numbers: preconditionFailure("numbers have no labels in common")
        case .one(let labels): return labels[first] == labels[second] ? 1 : 0
        case .several(let labels):
            let (a, b) = (Set(labels[first]), Set(labels[second]))
            return a.isEmpty && b.isEmpty ? 1 : Double(a.intersection(b).count) / Double(a.union(b).count)
        }
    }
}
