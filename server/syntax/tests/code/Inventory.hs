{-# LANGUAGE DeriveFunctor #-}
{-# LANGUAGE GADTs #-}
{-# LANGUAGE LambdaCase #-}
{-# LANGUAGE OverloadedStrings #-}
{-# LANGUAGE RankNTypes #-}
{-# LANGUAGE ScopedTypeVariables #-}

-- |
-- Module      : Inventory
-- Description : What is in stock, and a small language that changes it.
module Inventory
  ( Article (..)
  , Stock
  , Movement (..)
  , Problem (..)
  , Command
  , apply
  , runCommand
  , parseMovement
  , report
  ) where

import Control.Exception (Exception, throwIO)
import Control.Monad (forM_, unless, when)
import Data.Char (isDigit, isSpace, toUpper)
import Data.IORef (IORef, modifyIORef', newIORef, readIORef)
import Data.List (foldl', sortOn)
import qualified Data.Map.Strict as Map
import Data.Maybe (fromMaybe, mapMaybe)
import Data.Text (Text)
import qualified Data.Text as Text

-- | An article, known by its number.
data Article = Article
  { articleNumber :: !Int
  , articleName :: !Text
  , articlePrice :: Maybe Rational
  }
  deriving (Eq, Ord, Show)

newtype Quantity = Quantity {unQuantity :: Int}
  deriving (Eq, Ord)

instance Show Quantity where
  showsPrec depth (Quantity value) =
    showParen (depth > 10) $ showString "Quantity " . showsPrec 11 value

instance Semigroup Quantity where
  Quantity left <> Quantity right = Quantity (left + right)

instance Monoid Quantity where
  mempty = Quantity 0

-- | How much there is of each article.
type Stock = Map.Map Int Quantity

data Movement
  = Receipt Int Quantity
  | Issue Int Quantity
  | Correction
      { corrected :: Int
      , counted :: Quantity
      }
  deriving (Eq, Show)

data Problem
  = Unknown Int
  | Shortage Int Quantity
  | Malformed Text
  deriving (Eq, Show)

instance Exception Problem

class Describe a where
  describe :: a -> Text
  describe = const "something"

  describeAll :: [a] -> Text
  describeAll = Text.intercalate ", " . map describe

  {-# MINIMAL #-}

instance Describe Article where
  describe article = Text.concat [Text.pack (show (articleNumber article)), " ", articleName article]

instance Describe Problem where
  describe = \case
    Unknown number -> "no article " <> Text.pack (show number)
    Shortage number (Quantity missing) ->
      Text.pack (show missing) <> " of " <> Text.pack (show number) <> " are missing"
    Malformed text -> "cannot read " <> Text.pack (show text)

-- | Applies a movement, or says why it cannot be.
apply :: Stock -> Movement -> Either Problem Stock
apply stock movement = case movement of
  Receipt number quantity -> Right (Map.insertWith (<>) number quantity stock)
  Issue number quantity -> do
    there <- maybe (Left (Unknown number)) Right (Map.lookup number stock)
    let left = unQuantity there - unQuantity quantity
    when (left < 0) $
      Left (Shortage number (Quantity (negate left)))
    pure (Map.insert number (Quantity left) stock)
  Correction {corrected = number, counted = quantity}
    | quantity < mempty -> Left (Malformed "a count is not negative")
    | otherwise -> Right (Map.insert number quantity stock)

-- | What may be asked; the type says what comes back.
data Command a where
  Look :: Int -> Command (Maybe Quantity)
  Move :: Movement -> Command ()
  Both :: Command a -> Command b -> Command (a, b)
  Mapped :: (a -> b) -> Command a -> Command b

data Free f a = Pure a | Free (f (Free f a))
  deriving (Functor)

infixr 5 |>

(|>) :: Command a -> Command b -> Command b
first |> second = Mapped snd (Both first second)

runCommand :: forall a. IORef Stock -> Command a -> IO a
runCommand stock = go
  where
    go :: forall b. Command b -> IO b
    go (Look number) = Map.lookup number <$> readIORef stock
    go (Move movement) = do
      before <- readIORef stock
      case apply before movement of
        Left problem -> throwIO problem
        Right after -> modifyIORef' stock (const after)
    go (Both left right) = (,) <$> go left <*> go right
    go (Mapped change command) = change <$> go command

withStock :: (forall s. s ~ Stock => IORef s -> IO r) -> IO r
withStock use = newIORef Map.empty >>= use

-- | Reads @+12 5@, @-12 5@ and @=12 5@.
parseMovement :: Text -> Either Problem Movement
parseMovement text =
  case Text.unpack (Text.strip text) of
    sign : rest
      | Just build <- lookup sign signs
      , (number, rest') <- span isDigit rest
      , not (null number)
      , quantity <- dropWhile isSpace rest'
      , all isDigit quantity ->
          Right (build (read number) (Quantity (read ("0" ++ quantity))))
    _ -> Left (Malformed text)
  where
    signs =
      [ ('+', Receipt)
      , ('-', Issue)
      , ('=', Correction)
      ]

applyAll :: Foldable t => Stock -> t Movement -> ([Problem], Stock)
applyAll stock = foldl' step ([], stock)
  where
    step (problems, now) movement =
      either (\problem -> (problem : problems, now)) ((,) problems) (apply now movement)

{- | A table of what there is:

@
  12  screws      100
@
-}
report :: [Article] -> Stock -> Text
report articles stock =
  Text.unlines
    [ Text.justifyRight 4 ' ' (Text.pack (show number))
        <> "  "
        <> Text.justifyLeft 12 ' ' (articleName article)
        <> Text.pack (show quantity)
    | (number, Quantity quantity) <- sortOn snd (Map.toList stock)
    , let article = fromMaybe unknown (Map.lookup number known)
    , quantity > 0
    ]
  where
    known = Map.fromList [(articleNumber article, article) | article <- articles]
    unknown = Article {articleNumber = 0, articleName = "?", articlePrice = Nothing}

shout :: String -> String
shout = map toUpper . filter (/= '\'')

main :: IO ()
main = withStock $ \stock -> do
  lines' <- lines <$> getContents
  forM_ (zip [1 :: Int ..] lines') $ \(line, text) ->
    unless (null text) $
      case parseMovement (Text.pack text) of
        Left problem -> putStrLn (show line ++ ": " ++ Text.unpack (describe problem))
        Right movement -> runCommand stock (Move movement)
  totals <- readIORef stock
  putStrLn . shout $ "articles: " ++ show (length (mapMaybe (`Map.lookup` totals) [1 .. 100]))
