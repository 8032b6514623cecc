package org.example.parsing

import scala.annotation.tailrec
import scala.collection.immutable.VectorMap
import scala.collection.mutable
import scala.util.{Failure, Success, Try}
import scala.util.control.NonFatal

/** Where something is in a text. */
final case class Position(line: Int, column: Int) extends Ordered[Position] {
  def compare(that: Position): Int =
    Ordering[(Int, Int)].compare((line, column), (that.line, that.column))

  def next(character: Char): Position = character match {
    case '\n' => copy(line = line + 1, column = 1)
    case _    => copy(column = column + 1)
  }

  override def toString: String = s"$line:$column"
}

object Position {
  val Start: Position = Position(1, 1)

  implicit val ordering: Ordering[Position] = Ordering.by(at => (at.line, at.column))
}

sealed trait Token {
  def at: Position
  def text: String
}

object Token {
  final case class Name(text: String, at: Position) extends Token
  final case class Number(value: BigDecimal, at: Position) extends Token { val text: String = value.toString }
  final case class Symbol(text: String, at: Position) extends Token
  case object End extends Token {
    val at: Position = Position(Int.MaxValue, 1)
    val text = ""
  }
}

class SyntaxError(val at: Position, message: String, cause: Throwable = null)
    extends RuntimeException(s"$at: $message", cause)

/** What a text means. */
sealed abstract class Expression extends Product with Serializable {
  import Expression._

  def +(that: Expression): Expression = Binary("+", this, that)

  def fold[A](number: BigDecimal => A, name: String => A)(join: (String, A, A) => A): A = this match {
    case Literal(value)           => number(value)
    case Variable(text)           => name(text)
    case Binary(by, left, right)  => join(by, left.fold(number, name)(join), right.fold(number, name)(join))
    case Call(function, Nil)      => name(function)
    case Call(_, first :: others) => others.foldLeft(first.fold(number, name)(join))((sum, next) => join(",", sum, next.fold(number, name)(join)))
  }
}

object Expression {
  final case class Literal(value: BigDecimal) extends Expression
  final case class Variable(name: String) extends Expression
  final case class Binary(operator: String, left: Expression, right: Expression) extends Expression
  final case class Call(function: String, arguments: List[Expression]) extends Expression
}

trait Logging { self =>
  protected lazy val log: mutable.ListBuffer[String] = mutable.ListBuffer.empty

  protected def note(text: => String): Unit = log += s"[${self.getClass.getSimpleName}] $text"
}

/** Cuts a text into tokens. */
class Lexer(text: String) extends Iterator[Token] with Logging {
  private var offset = 0
  private[this] var at = Position.Start
  private val Operators = Set("+", "-", "*", "/", "==", "<=", "(", ")", ",")

  def hasNext: Boolean = {
    skipBlanks()
    offset < text.length
  }

  def next(): Token = {
    skipBlanks()
    val start = at
    if (offset >= text.length) Token.End
    else if (text(offset).isLetter) Token.Name(takeWhile(c => c.isLetterOrDigit || c == '_'), start)
    else if (text(offset).isDigit) {
      val digits = takeWhile(c => c.isDigit || c == '.')
      Try(BigDecimal(digits)) match {
        case Success(value) => Token.Number(value, start)
        case Failure(NonFatal(error)) => throw new SyntaxError(start, s"'$digits' is no number", error)
        case Failure(fatal) => throw fatal
      }
    } else {
      val longest = Operators.filter(text.startsWith(_, offset)).maxByOption(_.length)
      val found = longest.getOrElse(throw new SyntaxError(start, f"'${text(offset)}%c' has no meaning"))
      found.foreach(_ => advance())
      Token.Symbol(found, start)
    }
  }

  private def takeWhile(wanted: Char => Boolean): String = {
    val from = offset
    while (offset < text.length && wanted(text(offset))) advance()
    text.substring(from, offset)
  }

  @tailrec
  private def skipBlanks(): Unit =
    if (offset < text.length && text(offset).isWhitespace) {
      advance()
      skipBlanks()
    }

  private def advance(): Unit = {
    at = at.next(text(offset))
    offset += 1
    note(s"at $at")
  }
}

/** Reads expressions by precedence. */
class Parser private (tokens: BufferedIterator[Token]) {
  import Expression._

  type Result[+A] = Either[SyntaxError, A]

  private val precedence = VectorMap("==" -> 1, "<=" -> 1, "+" -> 2, "-" -> 2, "*" -> 3, "/" -> 3)

  def parse(): Result[Expression] =
    for {
      expression <- attempt(binary(0))
      _ <- Either.cond(!tokens.hasNext, (), new SyntaxError(tokens.head.at, s"'${tokens.head.text}' is too much"))
    } yield expression

  private def attempt[A](work: => A): Result[A] =
    try Right(work)
    catch { case error: SyntaxError => Left(error) }

  private def binary(least: Int): Expression = {
    var left = primary()
    while (tokens.hasNext && precedence.get(tokens.head.text).exists(_ > least)) {
      val operator = tokens.next().text
      left = Binary(operator, left, binary(precedence(operator)))
    }
    left
  }

  private def primary(): Expression = tokens.nextOption() match {
    case Some(Token.Number(value, _)) => Literal(value)
    case Some(Token.Name(name, _)) if tokens.headOption.exists(_.text == "(") =>
      tokens.next()
      Call(name, arguments(Nil))
    case Some(Token.Name(name, _)) => Variable(name)
    case Some(Token.Symbol("(", _)) =>
      val inner = binary(0)
      expect(")")
      inner
    case Some(other) => throw new SyntaxError(other.at, s"unexpected '${other.text}'")
    case None => throw new SyntaxError(Token.End.at, "unexpected end")
  }

  @tailrec
  private def arguments(known: List[Expression]): List[Expression] = {
    val all = binary(0) :: known
    expect(",", ")") match {
      case "," => arguments(all)
      case _   => all.reverse
    }
  }

  private def expect(texts: String*): String = {
    val found = tokens.nextOption().getOrElse(Token.End)
    if (texts.contains(found.text)) found.text
    else throw new SyntaxError(found.at, texts.mkString("expected ", " or ", s", not '${found.text}'"))
  }
}

object Parser {
  def apply(text: String): Parser = new Parser(new Lexer(text).buffered)

  implicit class Evaluating(private val expression: Expression) extends AnyVal {
    def evaluate(implicit values: Map[String, BigDecimal]): BigDecimal =
      expression.fold(identity, values.withDefaultValue(BigDecimal(0))) {
        case ("+", left, right) => left + right
        case ("-", left, right) => left - right
        case ("*", left, right) => left * right
        case ("/", _, right) if right == 0 => BigDecimal(0)
        case ("/", left, right) => left / right
        case (_, left, right) => left max right
      }
  }

  def main(arguments: Array[String]): Unit = {
    val usage =
      """usage: parse "1 + 2"
        |  every other \argument is a name=value
        |""".stripMargin
    arguments.toList match {
      case text :: _ => println(Parser(text).parse().fold(_.getMessage, _.evaluate(Map.empty).toString))
      case Nil       => println(usage)
    }
  }
}
