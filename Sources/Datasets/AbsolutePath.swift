import Foundation

/// A path that means the same in every working directory.
package func absolutePath(_ path: String) -> String {
    // Standard input has none.
    path == "-" ? path : URL(filePath: path).standardizedFileURL.path
}
