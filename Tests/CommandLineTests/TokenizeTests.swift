import Foundation
import Testing

@Suite struct TokenizeTests {
    @Test func tokensAreShownAsTheModelReadsThemUpToALength() async throws {
        try await Program.withModel { program in
            let object = try program.run(
                "tokenize", "--model", "model", "--json", "--max-length", "4", "--text", "a great book"
            ).object
            #expect(object["tokens"] as? [String] == ["[CLS]", "a", "great", "[SEP]"])
            #expect((object["ids"] as? [Int])?.count == 4)
        }
    }
}
